"""A week of the whole market in a virtual world: auctions, spot, jobs, deliveries, a failure."""
