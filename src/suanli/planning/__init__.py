"""Decides what runs next: offering, scheduling policies, renewals."""
