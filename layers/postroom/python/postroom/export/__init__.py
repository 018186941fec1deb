"""Mailbox export: a mailbox as one zip archive."""
