#!/usr/bin/env bash
# python-dateutil 2.9.0.post0: a rule that has weekdays with a number and without one finds no date at all.
#
# RFC 5545, 3.3.10, lets every weekday of BYDAY have a number or none: "the first Monday, and every Wednesday". dateutil
# wants a date to be in both lists at once. There is no error; the series ends at once, or never comes back where COUNT
# is the only end. Libraries that use dateutil.rrule have the same, recurring-ical-events 3.8.2 among them. Seen with
# Python 3.11:
#
#   FREQ=MONTHLY;BYDAY=1MO -> ['2026-01-05', '2026-02-02']
#   FREQ=MONTHLY;BYDAY=WE -> ['2026-01-07', '2026-01-14', '2026-01-21', '2026-01-28', '2026-02-04', ...]
#   FREQ=MONTHLY;BYDAY=1MO,WE -> []
#
# Exit status 0 as long as python-dateutil does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check python-dateutil==2.9.0.post0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime

from dateutil.rrule import rrulestr


def dates(rule):
    series = rrulestr(f"{rule};UNTIL=20260228T000000", dtstart=datetime(2026, 1, 1))
    found = [f"{each:%Y-%m-%d}" for each in series]
    print(rule, "->", found)
    return found


mondays, wednesdays = dates("FREQ=MONTHLY;BYDAY=1MO"), dates("FREQ=MONTHLY;BYDAY=WE")
assert mondays == ["2026-01-05", "2026-02-02"], mondays
assert len(wednesdays) == 8, wednesdays
assert dates("FREQ=MONTHLY;BYDAY=1MO,WE") == []
PYTHON
