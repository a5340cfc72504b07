"""Readers of public traces: hostile text in, flat arrays out."""
