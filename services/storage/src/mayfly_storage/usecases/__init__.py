"""What storage does: one callable for each thing that a caller can ask."""
