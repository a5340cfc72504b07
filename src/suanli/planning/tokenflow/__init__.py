"""TokenFlow: what runs next, by expected work left, priced chips, fair shares and bounded waits."""
