#!/usr/bin/env bash
# icalendar 7.3.2: the time zone of a calendar is used for the next one that calls its own by the same name.
#
# A name of a VTIMEZONE counts in its own object only (RFC 5545, 3.6.5). icalendar keeps the first VTIMEZONE of a name
# that is neither in the IANA database nor one of Windows for the life of the process. Outlook calls every zone that a
# person has changed "Customized Time Zone". In a process that reads calendars of several senders, meetings of the
# second are hours wrong, without an error. Seen with Python 3.11:
#
#   Berlin's object, first: 2026-12-01 09:00:00+01:00
#   Chicago's object, second: 2026-12-01 09:00:00+01:00
#
# Exit status 0 as long as icalendar does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check icalendar==7.3.2
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import timedelta

from icalendar import Calendar

OBJECT = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Example//EN
BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:{offset}@example.com
DTSTAMP:20261101T000000Z
DTSTART;TZID=Customized Time Zone:20261201T090000
DURATION:PT1H
END:VEVENT
END:VCALENDAR
"""


def start(offset):
    calendar = Calendar.from_ical(OBJECT.format(offset=offset).replace("\n", "\r\n"))
    return calendar.walk("VEVENT")[0]["DTSTART"].dt


berlin = start("+0100")
print("Berlin's object, first:", berlin)
assert berlin.utcoffset() == timedelta(hours=1), berlin
chicago = start("-0600")
print("Chicago's object, second:", chicago)
assert chicago.utcoffset() == timedelta(hours=1), chicago
PYTHON
