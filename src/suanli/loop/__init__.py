"""The one driver: the same loop for a server, a replay and a demo."""
