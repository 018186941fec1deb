"""What `bench waiting` says of a run: the measuring itself needs a running stack, and minutes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.waiting import KINDS, MESSAGES, PHASES, Found, Series
from postroom.model.facts import EventName, Fact, OwnFact
from tests.support.builders import NOON, ORG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KIND = KINDS[0]


def fact(name: EventName | OwnFact, key: str, **more: Any) -> Fact:
    return Fact(trace="t", organization_id=ORG, name=name, key=key, at=NOON, **more)


def held_back() -> Fact:
    return fact(OwnFact.RULE_ATTEMPTED, "attempt", data={"failure": "HELD_BACK"})


def verdict(why: str = "FALLBACK") -> Fact:
    return fact(EventName.RULE_APPLIED, f"verdict-{why}", data={"why": {why: ["ann@noisy.example"]}})


def copy(folder: str = "JUNK_EMAIL", key: str = "copy") -> Fact:
    return fact(EventName.MAILBOX_EMAIL_DELIVERED, key, event={"folder": folder})


GOOD = [held_back(), verdict(), copy()]


def run(last: Sequence[Fact] = GOOD, seconds: Mapping[str, Sequence[float]] = MappingProxyType({})) -> Found:
    """Return a run of which one message, or the letters of one kind in some phases, are as given."""
    series = {(phase, kind): Series([0.1, 0.1, 0.2]) for phase in PHASES for kind in KINDS}
    series |= {(phase, KIND): Series(those) for phase, those in seconds.items()}
    return Found(series, {f"<slow-{number}@x>": last if number == 7 else GOOD for number in range(MESSAGES)})


def test_a_good_run_has_nothing_wrong() -> None:
    assert list(run().wrong(MESSAGES)) == []
    assert list(run().broken()) == []
    assert run().attempts() == {"HELD_BACK": MESSAGES}


@pytest.mark.parametrize(
    "last",
    [
        [held_back(), verdict()],
        [*GOOD, copy(key="another copy")],
        [held_back(), verdict(), copy("INBOX")],
        [held_back(), copy()],
        [held_back(), verdict(), verdict("ANSWER"), copy()],
        [held_back(), verdict("ANSWER"), copy()],
    ],
    ids=["no copy", "two copies", "in the inbox", "no verdict", "two verdicts", "another verdict"],
)
def test_one_message_that_ended_otherwise_is_found(last: Sequence[Fact]) -> None:
    (said,) = run(last).wrong(MESSAGES)
    assert said.endswith(f": {MESSAGES - 1} of {MESSAGES}")


def test_what_lies_in_the_mailbox_counts_too() -> None:
    assert list(run().wrong(MESSAGES + 1)) == [f"in Junk: {MESSAGES + 1} of {MESSAGES}"]


@pytest.mark.parametrize(
    ("seconds", "broken"),
    [
        ({"waiting": [0.2, 0.2, 0.2]}, ""),
        ({"waiting": [0.2, 0.21, 0.3]}, "2 times that of the idle stack"),
        ({"waiting": [0.1, 0.1, 5.1]}, "longer than 5 s"),
        ({"arriving": [0.1, 15.0, 24.0]}, ""),
        ({"arriving": [0.1, 0.1, 30.2]}, "longer than 25 s while the thousand arrived"),
    ],
)
def test_a_broken_budget_is_reported(seconds: dict[str, Sequence[float]], broken: str) -> None:
    said = list(run(seconds=seconds).broken())
    assert len(said) == bool(broken)
    assert all(KIND.what in each and each.endswith(broken) for each in said)
