"""Many recipients, and workers that die on the way: one copy in each mailbox."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.house import wait_for

if TYPE_CHECKING:
    from tests.support.house import House

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

LETTER = b"Subject: to all\r\n\r\nof you\r\n"
STATIONS = ("ingest", "deliver", "record_events")


def kill_while_it_runs(house: House, *, most: int, gap: float) -> int:
    """Kill a random worker now and then until nothing waits any more; return how many were killed."""
    dice = random.Random(7)  # noqa: S311  # a repeatable choice of moments
    killed = 0
    while killed < most and not house.is_idle():
        time.sleep(dice.uniform(0, 2 * gap))
        workers = house.workers(dice.choice(STATIONS))
        if workers:
            os.killpg(dice.choice(workers), signal.SIGKILL)
            killed += 1
    return killed


def mailboxes(house: House, prefix: str) -> dict[str, int]:
    """Return how many messages lie in each mailbox whose id begins so."""
    return {name: count for name, count in house.copies().items() if name.startswith(prefix)}


def check(house: House, organization: str, prefix: str, copies: int, seconds: float) -> None:
    """Wait until everything is final; then there is one copy, and one fact, for each mailbox."""

    def facts() -> Counter[str]:
        return Counter(fact.name.value for fact in house.operator().ledger.all_facts(organization))

    wait_for(house.is_idle, seconds, every=0.5)
    assert sorted(mailboxes(house, prefix).values()) == [1] * copies
    assert facts() == {"ORGANIZATION_EMAIL_RECEIVED": 1, "MAILBOX_EMAIL_DELIVERED": copies}
    assert [row for row in house.rows("parked", "list") if row["organizationId"] == organization] == []


def test_a_message_to_500_recipients_is_one_copy_each(house: House) -> None:
    organization = house.organization("hundreds")
    names = [f"h{number:03}" for number in range(500)]
    house.crowd(organization, "everyone", names, "hundreds.example")
    house.send(LETTER, *[f"{name}@hundreds.example" for name in names])
    check(house, organization, "h", 500, 90)


def test_a_group_gets_one_copy_each_though_workers_are_killed(house: House) -> None:
    organization = house.organization("mortals")
    house.crowd(organization, "mortals", [f"m{number:03}" for number in range(120)], "mortals.example")
    house.send(LETTER, "mortals@mortals.example")
    assert kill_while_it_runs(house, most=8, gap=0.3) >= 3
    check(house, organization, "m", 120, 90)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_group_of_5000_gets_one_copy_each_though_workers_are_killed(house: House) -> None:
    organization = house.organization("thousands")
    house.crowd(organization, "thousands", [f"t{number:04}" for number in range(5000)], "thousands.example")
    began = time.monotonic()
    house.send(LETTER, "thousands@thousands.example")
    killed = kill_while_it_runs(house, most=30, gap=3)
    assert killed >= 10
    check(house, organization, "t", 5000, 900)
    print(f"5,000 mailboxes, {killed} workers killed: {time.monotonic() - began:.0f} s")  # noqa: T201  # a figure
