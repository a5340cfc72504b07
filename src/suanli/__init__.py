"""suanli: one unit, one market, one scheduler and one ledger for mixed accelerator fleets."""

__version__ = "0.1.0"
