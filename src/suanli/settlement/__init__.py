"""Who owes whom: purchases of hours, metered delivery, burn, statements."""
