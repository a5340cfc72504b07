"""What is there: the datasheet of chip models, and the inventory of zones, hosts and devices."""
