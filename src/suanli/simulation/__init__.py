"""Virtual worlds: trace readers, arrivals, and runs through the production domain and loop."""
