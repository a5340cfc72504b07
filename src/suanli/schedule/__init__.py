"""When and where it runs: jobs, placements, reservations."""
