"""Answers questions about free/busy information, from calendars of the organization and from providers."""
