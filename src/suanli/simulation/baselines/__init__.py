"""The schedulers that ours is measured against, each by its own source, on the same `View`."""
