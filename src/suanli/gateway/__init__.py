"""The HTTP API over a running service."""
