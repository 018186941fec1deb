"""What becomes of those who have left: mailboxes whose time is over, and whole organizations."""
