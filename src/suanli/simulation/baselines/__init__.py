"""Schedulers of others, as they are published, to be measured against."""
