"""Slow, independent answers that tests compare the fast ones with."""
