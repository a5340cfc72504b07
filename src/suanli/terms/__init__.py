"""The words all else is written in: quantities, instants, canonical bytes, refusals, tables."""
