"""`postroom calendar`, on template.yaml in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cli import calendar_texts, running
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from postroom.model.free_busy import Weekday, WorkingPeriod
from postroom.model.limits import DAY_MS
from tests.support.builders import NOON
from tests.support.calendars import HOUR_MS, stamp, vcalendar, vevent
from tests.support.in_process import InProcessStack, deployed

from .conftest import Run

ADA: Final = "ada@sample.example"
MEMBERS: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        samples = Samples.read(repository_root() / "events")
        assert not SampleRunner.of(stack, samples).run(samples.by_name["ingest"], "ingest").wrong
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)


def rows(output: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(output)
    return read


def write(path: Path, *components: str) -> Path:
    path.write_bytes(vcalendar(*components))
    return path


def of_day(run: Run, at_ms: int) -> list[dict[str, Any]]:
    return rows(run("calendar", "list", ADA, "--from", stamp(at_ms), "--to", stamp(at_ms + DAY_MS), "--json").output)


def test_a_file_is_imported_and_its_bytes_come_back(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "one.ics", vevent("one", NOON, "LOCATION:Room 1", summary="Lunch"))
    result = run("calendar", "import", ADA, file)
    assert result.exit_code == 0, result.exception
    assert result.output == "1 added · 0 replaced · 0 left · 0 refused\n"
    (row,) = of_day(run, NOON)
    assert run("calendar", "show", ADA, row["id"]).stdout_bytes == file.read_bytes()
    assert run("mailbox", "show", ADA, row["id"]).stdout_bytes == file.read_bytes()
    assert row.pop("id")
    assert row == {
        "start": "2026-11-24T12:00:00.000Z",
        "end": "2026-11-24T13:00:00.000Z",
        "allDay": False,
        "busyType": "BUSY",
        "instanceType": "SINGLE_INSTANCE",
        "recurrenceId": None,
        "subject": "Lunch",
        "location": "Room 1",
        "isMeeting": False,
        "isPrivate": False,
        "isReminderSet": False,
    }
    documented = MEMBERS.partition("## calendar list")[2].partition("\n## ")[0]
    assert all(f"| `{name}` |" in documented for name in ("id", *row))
    (listed,) = rows(run("mailbox", "list", ADA, "--folder", "calendar", "--json").output)
    assert (listed["subject"], listed["size"], listed["uid"]) == ("Lunch", file.stat().st_size, 1)


def test_an_import_says_what_was_refused_and_why(run: Run, tmp_path: Path) -> None:
    good, bad = vevent("good", NOON + 2 * DAY_MS), vevent("bad", NOON, dtstart=None)
    file = write(tmp_path / "some.ics", good, bad)
    result = run("calendar", "import", ADA, file)
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception) == "1 of 2 events were refused"
    lines = result.output.splitlines()
    assert lines[0] == "1 added · 0 replaced · 0 left · 1 refused"
    assert lines[2].split(maxsplit=2) == ["bad", "refused", "an event without DTSTART"]
    again = rows(run("calendar", "import", ADA, file, "--json").output)
    assert {(row["uid"], row["result"]) for row in again} == {("good", "left"), ("bad", "refused")}
    write(file, vevent("good", NOON + 2 * DAY_MS, sequence=1, summary="moved"))
    assert rows(run("calendar", "import", ADA, file, "--json").output) == [
        {"uid": "good", "result": "replaced", "why": ""}
    ]
    assert [row["subject"] for row in of_day(run, NOON + 2 * DAY_MS)] == ["moved"]


def test_a_file_that_is_no_calendar_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "no.ics").write_bytes(b"no calendar")
    refused = run("calendar", "import", ADA, tmp_path / "no.ics").exception
    assert isinstance(refused, RefusedError)
    assert str(refused) == f"{tmp_path / 'no.ics'}: no calendar data"
    assert isinstance(run("calendar", "import", ADA, tmp_path / "gone.ics").exception, UsageError)
    result = run("calendar", "import", "nobody@sample.example", write(tmp_path / "a.ics", vevent()))
    assert str(result.exception) == "no user has the address nobody@sample.example"


def test_a_series_is_listed_instance_by_instance_in_the_zone_of_the_calendar(run: Run, tmp_path: Path) -> None:
    day = NOON + 10 * DAY_MS
    file = write(
        tmp_path / "series.ics",
        vevent("series", day, "RRULE:FREQ=DAILY;COUNT=3", summary="stand-up"),
        vevent("all day", dtstart="20261205", dtend="20261206", summary="fair"),
    )
    run("calendar", "import", ADA, file)
    run("calendar", "hours", ADA, "--zone", "Asia/Tokyo")
    lines = run("calendar", "list", ADA, "--from", "2026-12-04", "--to", "2026-12-06T00:00").output.splitlines()
    assert [" ".join(line.split()[1:]) for line in lines] == [
        "start end busy subject location",
        "2026-12-04 21:00 2026-12-04 22:00 busy stand-up",
        "2026-12-05 2026-12-05 busy fair",
        "2026-12-05 21:00 2026-12-05 22:00 busy stand-up",
    ]
    run("calendar", "hours", ADA, "--zone", "UTC")
    found = of_day(run, day + DAY_MS - HOUR_MS)
    assert [(row["instanceType"], row["recurrenceId"]) for row in found if row["subject"] == "stand-up"] == [
        ("RECURRING_INSTANCE", "2026-12-05T12:00:00.000Z")
    ]


def test_times_of_other_millennia_are_written_as_the_nearest_with_four_digits() -> None:
    far = 400_000_000_000_000
    assert calendar_texts.span(-far, far, calendar_texts.zone("Asia/Tokyo"), all_day=False) == (
        "1000-01-06 09:18",
        "9999-12-30 09:00",
    )
    assert calendar_texts.bounded(NOON) == NOON


@pytest.mark.parametrize("arguments", [("--from", "yesterday"), ("--from", "2026-12-01", "--to", "2026-11-01")])
def test_a_window_that_is_none_is_wrong_use(run: Run, arguments: tuple[str, ...]) -> None:
    assert isinstance(run("calendar", "list", ADA, *arguments).exception, UsageError)


def test_an_event_is_removed_with_all_its_instances(run: Run, tmp_path: Path) -> None:
    day = NOON + 40 * DAY_MS
    file = write(tmp_path / "both.ics", vevent("goes", day, "RRULE:FREQ=HOURLY;COUNT=3"), vevent("stays", day))
    run("calendar", "import", ADA, file)
    gone = next(row["id"] for row in of_day(run, day) if row["subject"] == "event goes")
    assert run("calendar", "remove", ADA, gone).exit_code == 0
    assert [row["subject"] for row in of_day(run, day) if row["subject"].startswith("event")] == ["event stays"]
    for command in ("remove", "show"):
        assert str(run("calendar", command, ADA, gone).exception) == f"{ADA} has no event {gone}"
    again = rows(run("calendar", "import", ADA, file, "--json").output)
    assert [(row["uid"], row["result"]) for row in again] == [("goes", "added"), ("stays", "left")]


def test_only_events_are_shown(run: Run, stack: InProcessStack) -> None:
    assert str(run("calendar", "show", ADA, "0000").exception) == f"{ADA} has no event 0000"


def test_working_hours_are_shown_and_set(run: Run) -> None:
    assert rows(run("calendar", "hours", "grace@sample.example", "--json").output) == [
        {"zone": "UTC", "days": ["MON", "TUE", "WED", "THU", "FRI"], "start": "08:00", "end": "17:00"}
    ]
    run("calendar", "hours", ADA, "--period", "mon-wed 9:00-12:30", "--period", "SAT,SUN 0:00-24:00")
    run("calendar", "hours", ADA, "--zone", "Europe/Berlin")
    assert [line.split() for line in run("calendar", "hours", ADA).output.splitlines()[1:]] == [
        ["Europe/Berlin", "MON", "TUE", "WED", "09:00", "12:30"],
        ["Europe/Berlin", "SUN", "SAT", "00:00", "24:00"],
    ]
    run("calendar", "hours", ADA, "--zone", "UTC")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--zone", "Mars/Olympus"),
        ("--zone", "../../etc/passwd"),
        ("--zone", "Europe"),
        ("--period", "sometimes"),
        ("--period", "MON 17:00-08:00"),
        ("--period", "MON 08:00-24:30"),
        ("--period", "MON 08:70-09:00"),
        ("--period", "MON-TOM 08:00-09:00"),
    ],
)
def test_hours_that_are_none_are_wrong_use(run: Run, arguments: tuple[str, ...]) -> None:
    before = run("calendar", "hours", ADA).output
    assert isinstance(run("calendar", "hours", ADA, *arguments).exception, UsageError)
    assert run("calendar", "hours", ADA).output == before


def test_days_may_go_over_the_end_of_a_week() -> None:
    assert calendar_texts.period("FRI-MON 22:00 - 24:00") == WorkingPeriod(
        (Weekday.SUN, Weekday.MON, Weekday.FRI, Weekday.SAT), 22 * 60, 24 * 60
    )


def test_what_others_see_is_shown_and_set(run: Run, stack: InProcessStack) -> None:
    assert rows(run("calendar", "access", ADA, "--json").output) == [{"who": "everyone", "level": "time"}]
    run("calendar", "access", ADA, "--for", "everyone", "--level", "details")
    set_ = rows(run("calendar", "access", ADA, "--for", "grace@sample.example", "--level", "none", "--json").output)
    organization = stack.client("workmail").list_organizations()["OrganizationSummaries"][0]["OrganizationId"]
    ben = stack.client("workmail").describe_user(OrganizationId=organization, UserId="grace")["UserId"]
    assert set_ == [{"who": "everyone", "level": "details"}, {"who": ben, "level": "none"}]
    shown = run("calendar", "access", ADA).output.splitlines()
    assert [line.split() for line in shown] == [
        ["who", "level"],
        ["everyone", "details"],
        ["grace@sample.example", "none"],
    ]
    run("calendar", "access", ADA, "--for", "grace@sample.example", "--level", "default")
    left = run("calendar", "access", ADA, "--for", "everyone", "--level", "default", "--json").output
    assert rows(left) == [{"who": "everyone", "level": "time"}]
    for wrong in (("--for", "everyone"), ("--level", "time"), ("--for", "everyone", "--level", "all")):
        assert isinstance(run("calendar", "access", ADA, *wrong).exception, UsageError)
