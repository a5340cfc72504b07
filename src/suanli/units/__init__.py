"""What it is worth: workload classes, ratings, grades."""
