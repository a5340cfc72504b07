"""The report of a replay: one page of pictures and figures that needs nothing else."""
