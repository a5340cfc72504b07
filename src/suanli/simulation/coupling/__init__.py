"""What coupling operators' markets is worth, against each selling its own tokens (simulated)."""
