"""Budget-weighted proportional fairness over what is left after the carve-out.

`problem` says what is to be shared, `program` solves it, `certificate` bounds what any solver
could reach, `checks` asks whether the result is fair, `split` cuts a large problem into parts,
and `keeper` holds the last good shares between rounds.
"""
