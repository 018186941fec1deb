"""`postroom availability`, on template.yaml in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from cli import availability_strips, running
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from postroom.model.free_busy import BusyEvent, BusyType, FailureCode, MailboxAvailability, MailboxFailure
from postroom.model.limits import DAY_MS
from tests.support.builders import NOON
from tests.support.calendars import HOUR_MS, stamp, vcalendar, vevent
from tests.support.in_process import InProcessStack, deployed

from .conftest import Run

ADA: Final = "ada@sample.example"
GRACE: Final = "grace@sample.example"
DAY: Final = ("--from", "2026-11-24", "--to", "2026-11-25")
DOCUMENTED: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        samples = Samples.read(repository_root() / "events")
        runner = SampleRunner.of(stack, samples)
        for name in ("ingest", "query_availability"):  # started here, so that its log is not in a command's output
            assert not runner.run(samples.by_name[name], name).wrong
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)
    file = tmp_path / "one.ics"
    file.write_bytes(vcalendar(vevent("one", NOON, "LOCATION:Room 1", summary="Lunch")))
    assert run("calendar", "import", ADA, file).exit_code == 0


def rows(output: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(output)
    return read


def test_every_user_is_answered_in_order(run: Run) -> None:
    found = run("availability", ADA, "eve@elsewhere.example", "nobody@sample.example", GRACE, *DAY, "--json")
    assert found.exit_code == 0, found.exception
    first, second, third, fourth = rows(found.output)
    assert first["events"] == [
        {
            "start": "2026-11-24T12:00:00.000Z",
            "end": "2026-11-24T13:00:00.000Z",
            "busyType": "BUSY",
            "subject": "Lunch",
            "location": "Room 1",
            "instanceType": "SINGLE_INSTANCE",
        }
    ]
    assert first["workingHours"]["periods"] == [
        {"days": ["MON", "TUE", "WED", "THU", "FRI"], "start": "08:00", "end": "17:00"}
    ]
    assert [second["code"], third["code"]] == ["ErrorAvailabilityConfigNotFound", "ErrorMailRecipientNotFound"]
    assert (fourth["mailbox"], fourth["events"]) == (GRACE, [])
    assert all(f"`{name}`" in DOCUMENTED for row in (first, first["events"][0]) for name in row)


def test_another_user_sees_the_time_alone(run: Run) -> None:
    (row,) = rows(run("availability", ADA, "--as", GRACE, *DAY, "--json").output)
    assert row["events"][0]["subject"] is None
    assert row["events"][0]["busyType"] == "BUSY"


def test_a_person_gets_the_strip_of_the_day_and_the_events(run: Run) -> None:
    lines = run("availability", ADA, "eve@elsewhere.example", *DAY).output.splitlines()
    head, ada, eve = lines[:3]
    at = ada.index("·")
    assert head.startswith("Tue 2026-11-24 UTC")
    assert ada[at:] == "·" * 24 + "██" + "·" * 22
    assert eve[at:] == "?" * 48
    assert head[at + 24 : at + 26] == "12"
    assert availability_strips.LEGEND in lines
    assert any("2026-11-24 12:00" in line and "Lunch" in line for line in lines)
    assert any("ErrorAvailabilityConfigNotFound" in line for line in lines)


def test_without_times_it_is_today(run: Run) -> None:
    assert len(run("availability", GRACE).output.splitlines()) == 7


@pytest.mark.parametrize(
    "times", [("--from", "soon"), ("--to", "2020-01-01"), ("--from", "2026-01-01", "--to", "2026-04-01")]
)
def test_times_that_are_none_are_refused(run: Run, times: tuple[str, ...]) -> None:
    assert isinstance(run("availability", ADA, *times).exception, UsageError)


def test_a_question_without_a_user_who_asks_is_refused(run: Run) -> None:
    refused = run("availability", "eve@elsewhere.example", *DAY).exception
    assert isinstance(refused, RefusedError)
    asker = "the user who asks needs a mailbox here: give --as USER"
    assert str(refused) == f"no organization here has the domain of eve@elsewhere.example; {asker}"
    assert rows(run("availability", "eve@elsewhere.example", "--as", ADA, *DAY, "--json").output)


BERLIN: Final = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("date_ms", "half_hours"), [(1_774_738_800_000, 46), (1_792_879_200_000, 50), (NOON - 13 * HOUR_MS, 48)]
)
def test_a_day_on_which_clocks_change_has_its_own_length(date_ms: int, half_hours: int) -> None:
    (first, *_) = availability_strips.days(date_ms, date_ms + DAY_MS, BERLIN)
    assert len(first[1]) == half_hours
    assert first[1][0] == date_ms


def test_the_heavier_event_counts_and_what_is_outside_the_window_is_blank() -> None:
    events = (
        BusyEvent(NOON, NOON + HOUR_MS, BusyType.TENTATIVE),
        BusyEvent(NOON + HOUR_MS // 2, NOON + HOUR_MS, BusyType.OOF),
        BusyEvent(NOON + HOUR_MS, NOON + HOUR_MS, BusyType.BUSY),
        BusyEvent(NOON - HOUR_MS, NOON + 3 * HOUR_MS, BusyType.FREE),
    )
    half_hours = range(NOON - HOUR_MS, NOON + 3 * HOUR_MS, HOUR_MS // 2)
    window = (NOON - HOUR_MS // 2, NOON + 2 * HOUR_MS)
    assert availability_strips.strip(MailboxAvailability("a", events), half_hours, *window).plain == " ·▒▓█·  "
    failed = MailboxFailure("a", FailureCode.SERVER_BUSY, "")
    assert availability_strips.strip(failed, half_hours, *window).plain == " ?????  "


def test_hours_are_over_their_halves() -> None:
    ((_, half_hours),) = availability_strips.days(NOON, NOON + 1, ZoneInfo("UTC"))
    line = availability_strips.hours(half_hours, ZoneInfo("UTC"))
    assert line == "0     3     6     9     12    15    18    21"
    assert stamp(half_hours[24]) == stamp(NOON)
