#!/usr/bin/env bash
# recurring-ical-events 3.8.2 with icalendar 7.3.2: an event of 12 hours takes 13 in the night when clocks are put back.
#
# RFC 5545, 3.3.6: weeks and days of a duration are by the calendar, hours, minutes and seconds are exact. The libraries add
# all of them to the local clock. Seen with Python 3.11:
#
#   DURATION:PT12H in Berlin, from 2026-10-24 22:00:00+02:00 to 2026-10-25 10:00:00+01:00: 13:00:00
#
# The exact end is 09:00:00+01:00. When clocks are put forward, the event is an hour too short.
# Exit status 0 as long as they do this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check recurring-ical-events==3.8.2 icalendar==7.3.2
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import date, timedelta, timezone

import recurring_ical_events
from icalendar import Calendar

OBJECT = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Example//EN
BEGIN:VEVENT
UID:shift@example.com
DTSTAMP:20261001T000000Z
DTSTART;TZID=Europe/Berlin:20261023T220000
DURATION:PT12H
RRULE:FREQ=DAILY;COUNT=2
END:VEVENT
END:VCALENDAR
"""

calendar = Calendar.from_ical(OBJECT.replace("\n", "\r\n"))
events = recurring_ical_events.of(calendar).between(date(2026, 10, 23), date(2026, 10, 27))
spans = []
for event in events:
    start, end = event["DTSTART"].dt, event.end
    span = end.astimezone(timezone.utc) - start.astimezone(timezone.utc)
    print(f"DURATION:PT12H in Berlin, from {start} to {end}: {span}")
    spans.append(span)
assert spans == [timedelta(hours=12), timedelta(hours=13)], spans
PYTHON
