"""Rules that call a customer's function: its event, and what its answer means for each recipient."""
