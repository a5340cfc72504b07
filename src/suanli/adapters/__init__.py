"""The outside world: engines, clusters, discovery. Imported by bootstrap alone."""
