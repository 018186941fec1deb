"""Customers' own SAM projects: deployed beside ours, and run on new processes when their files change."""
