"""Readers of public traces: rows of a file in, jobs or hosts of ours out."""
