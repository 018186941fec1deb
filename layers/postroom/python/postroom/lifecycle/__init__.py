"""Scheduled removal: mailboxes whose retention is over, and deleted organizations."""
