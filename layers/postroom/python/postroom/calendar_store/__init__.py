"""Calendars as items of mailboxes: objects are sealed, stored and found here; their text is read in ``calendars``."""
