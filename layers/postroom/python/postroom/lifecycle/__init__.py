"""The end of what has left: mailboxes whose time is over, and whole organizations."""
