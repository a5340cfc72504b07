"""Who may do what: participants, keys, delegation, roles, governed parameters."""
