"""What time does to those who have left: their mailboxes go."""
