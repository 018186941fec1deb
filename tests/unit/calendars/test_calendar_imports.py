"""A query of free/busy information pays for no parser."""

from __future__ import annotations

import subprocess
import sys

LOADED = "import sys; from postroom.calendars import entry, expand; print(*{m.split(chr(46))[0] for m in sys.modules})"


def test_entries_are_expanded_without_the_libraries_that_read_text() -> None:
    run = subprocess.run([sys.executable, "-c", LOADED], stdout=subprocess.PIPE, check=True, text=True)
    loaded = set(run.stdout.split())
    assert "postroom" in loaded
    assert not loaded & {"icalendar", "dateutil", "recurring_ical_events", "pydantic", "email"}
