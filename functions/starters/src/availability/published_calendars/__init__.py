"""A custom availability provider that reads published calendars: iCalendar and free/busy URLs."""
