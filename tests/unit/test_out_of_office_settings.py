"""Settings of out-of-office replies, and what the version that knew one text for all senders reads of them."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.model.out_of_office import (
    FORMER_TEXT_CHARACTERS,
    MAX_TEXT_BYTES,
    Audience,
    Away,
    OutOfOffice,
    ReplySettings,
    State,
)

NOW = 1_800_000_000_000
HOUR = 3_600_000


def settings(**changes: Any) -> ReplySettings:
    fields: dict[str, Any] = {"state": State.ENABLED, "audience": Audience.ALL, "inside": "In.", "outside": "Out."}
    return ReplySettings(**{**fields, **changes})


def record(**changes: Any) -> OutOfOffice:
    return OutOfOffice.of("m-1", "ann", settings(**changes), now=NOW)


def former(made: OutOfOffice) -> tuple[str, bool, bool]:
    """Return what the former version tells every sender, and whether it does so now and in two hours."""
    time = Away(made.from_ms, made.until_ms)
    return made.text, time.holds_at(NOW), time.holds_at(NOW + 2 * HOUR)


SCHEDULED: dict[str, Any] = {"state": State.SCHEDULED, "start_ms": NOW + HOUR, "end_ms": NOW + 3 * HOUR}


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({}, ("Out.", True, True)),
        ({"outside": "<p>Out &amp;</p><p>about</p>"}, ("Out &\nabout", True, True)),
        (SCHEDULED, ("Out.", False, True)),
        ({"state": State.SCHEDULED, "end_ms": NOW + HOUR}, ("Out.", True, False)),
        ({"state": State.DISABLED}, ("", False, False)),
        ({"audience": Audience.NONE}, ("", False, False)),
        ({"audience": Audience.KNOWN}, ("", False, False)),
        ({"outside": " "}, ("", False, False)),
        ({"outside": "x" * MAX_TEXT_BYTES}, ("x" * FORMER_TEXT_CHARACTERS, True, True)),
    ],
)
def test_the_former_version_tells_everybody_what_senders_outside_may_know(
    changes: dict[str, Any], read: tuple[str, bool, bool]
) -> None:
    assert former(record(**changes)) == read


@pytest.mark.parametrize(
    ("changes", "away"),
    [
        ({}, Away(NOW)),
        ({"start_ms": NOW + HOUR, "end_ms": NOW + 2 * HOUR}, Away(NOW)),
        (SCHEDULED, Away(NOW + HOUR, NOW + 3 * HOUR)),
        ({"state": State.SCHEDULED, "end_ms": NOW + HOUR}, Away(NOW, NOW + HOUR)),
        ({"state": State.SCHEDULED, "start_ms": 1}, Away(1)),
        ({"audience": Audience.NONE}, Away(NOW)),
        ({"state": State.DISABLED}, None),
    ],
)
def test_the_state_decides_which_times_count(changes: dict[str, Any], away: Away | None) -> None:
    assert record(**changes).away == away


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({}, [State.ENABLED] * 3),
        ({"state": State.DISABLED, "end_ms": NOW + HOUR}, [State.DISABLED] * 3),
        (SCHEDULED, [State.SCHEDULED, State.SCHEDULED, State.DISABLED]),
        ({"state": State.SCHEDULED, "start_ms": NOW + HOUR}, [State.SCHEDULED, State.ENABLED, State.ENABLED]),
        ({"state": State.SCHEDULED}, [State.ENABLED] * 3),
    ],
)
def test_what_is_over_is_disabled(changes: dict[str, Any], states: list[State]) -> None:
    assert [settings(**changes).state_at(NOW + hours * HOUR) for hours in (0, 1, 3)] == states


def test_a_row_of_the_former_version_is_for_all_senders() -> None:
    row = OutOfOffice(organization_id="m-1", user_id="ann", text="Away.", from_ms=1, until_ms=9, modified=5)
    said = row.set_as
    assert (said.inside, said.outside, said.audience) == ("Away.", "Away.", Audience.ALL)
    assert row.away == Away(1, 9)
    assert not said.depends_on_sender


def test_no_text_is_in_what_is_logged() -> None:
    made = record(inside="Secret in", outside="Secret out")
    assert "Secret" not in repr(made)
