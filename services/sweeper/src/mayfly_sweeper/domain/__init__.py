"""What a sweep is: items, reports, states and the port to storage. The standard library only."""
