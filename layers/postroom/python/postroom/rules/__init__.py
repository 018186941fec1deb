"""Rules that call a customer's function: what it is told, and what its answer means for each recipient."""
