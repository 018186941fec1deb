"""Reads messages leniently: what cannot be understood is skipped, never refused. Also writes fields and parts."""
