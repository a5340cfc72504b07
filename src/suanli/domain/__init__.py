"""The state machine: rooms, check-all-then-apply, follow-ups, roots, snapshot, outbox."""
