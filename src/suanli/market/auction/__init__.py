"""Call auctions: what is offered, what a clearing says, and whether it may stand."""
