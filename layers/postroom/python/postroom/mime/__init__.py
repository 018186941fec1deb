"""Reading messages leniently: what cannot be understood is skipped, never refused."""
