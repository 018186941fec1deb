"""Meetings: what messages with a calendar part do to calendars (RFC 5546, RFC 6047), and the booking of resources.

Reading order: ``update_calendar.py`` (the station), ``itip.py`` (what a message changes), ``booking.py`` (what a
resource answers), ``answers.py`` (the answer as a message). Decisions: docs/decisions/0031.
"""
