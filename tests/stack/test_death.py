"""Many recipients, and workers that are killed: one copy in each mailbox, or parked until a redrive."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.running_stack import PATIENCE_S, wait_for

if TYPE_CHECKING:
    from postroom.model.facts import Fact
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

MESSAGE = b"Subject: to all\r\n\r\nof you\r\n"
STATIONS = ("ingest", "deliver", "record_events")
WHOLE = {"ORGANIZATION_EMAIL_RECEIVED": 1}


def kill_while_it_runs(running: RunningStack, *, most: int, gap: float) -> int:
    """Kill ingest's worker, then random workers until no message waits any more; return how many were killed."""
    dice = random.Random(7)  # noqa: S311  # repeatable moments
    killed = kill(dice.choice(wait_for(lambda: running.workers("ingest"))))
    while killed < most and not running.is_idle():
        time.sleep(dice.uniform(0, 2 * gap))
        workers = running.workers(dice.choice(STATIONS))
        if workers:
            killed += kill(dice.choice(workers))
    return killed


def kill(worker: int) -> int:
    """Kill one process; return 1, or 0 if it ended by itself meanwhile."""
    try:
        os.killpg(worker, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def facts(running: RunningStack, organization: str) -> list[Fact]:
    return list(running.operator().ledger.all_facts(organization))


def parked(running: RunningStack, organization: str, domain: str) -> list[dict[str, Any]]:
    """Return the parked entries of an organization, and those of no organization that name its domain."""
    found = running.operator().parking.list()
    ours = [each for each in found if each.organization_id == organization or domain in each.body]
    return [{"id": each.id, "organization": each.organization_id, "cause": each.cause} for each in ours]


def report(running: RunningStack, organization: str, domain: str) -> str:
    """Describe the state of every recipient, for a test that fails."""
    rows = [
        row for row in running.scan("TRANSIT_TABLE") if organization in json.dumps(row) or domain in json.dumps(row)
    ]
    sqs = running.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    depths = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if any(int(found[name]) for name in names):
            depths[url.rpartition("/")[2]] = [int(found[name]) for name in names]
    told = {
        "facts": Counter(fact.name.value for fact in facts(running, organization)),
        "in transit": Counter(f"{row['sk']['S'].partition(':')[0]} {row.get('state', {})}" for row in rows),
        "parked": parked(running, organization, domain),
        "queues (visible, in flight)": depths,
        "attempts": [row for row in running.scan("TRANSIT_TABLE") if row["sk"]["S"] == "attempts"],
    }
    return json.dumps(told, indent=1, default=str)


def check(
    running: RunningStack, organization: str, domain: str, prefix: str, copies: int, seconds: float = PATIENCE_S
) -> None:
    """Wait until everything is final; then there is one copy, and one fact, for each mailbox.

    Entries that the workers' deaths have parked have a cause, and are delivered after a redrive.
    """
    wanted = {**WHOLE, "MAILBOX_EMAIL_DELIVERED": copies}

    def ended() -> bool:
        if not running.is_idle():
            return False
        names = Counter(fact.name.value for fact in facts(running, organization))
        return names["MAILBOX_EMAIL_DELIVERED"] == copies or bool(parked(running, organization, domain))

    try:
        wait_for(ended, seconds, every=0.5)
        while waiting := parked(running, organization, domain):
            assert all(each["cause"] for each in waiting)
            assert {each["organization"] for each in waiting} == {organization}, "its flow is open: it names it"
            for each in waiting:
                running.command("parked", "redrive", each["id"])
            wait_for(ended, seconds, every=0.5)
        names = Counter(fact.name.value for fact in facts(running, organization))
        assert {name: count for name, count in names.items() if name not in ("PARKED", "REDRIVEN")} == wanted
        found = {name: count for name, count in running.copies().items() if name.startswith(prefix)}
        assert sorted(found.values()) == [1] * copies
    except AssertionError as error:
        raise AssertionError(f"{error}\n{report(running, organization, domain)}") from error


def test_a_message_to_many_recipients_is_one_copy_each(running: RunningStack) -> None:
    organization = running.organization("hundred")
    names = [f"h{number:03}" for number in range(100)]
    running.crowd(organization, "everyone", names, "hundred.example")
    running.send(MESSAGE, *[f"{name}@hundred.example" for name in names])
    check(running, organization, "hundred.example", "h", 100)


def test_a_group_gets_one_copy_each_though_workers_are_killed(running: RunningStack) -> None:
    organization = running.organization("mortals")
    running.crowd(organization, "mortals", [f"m{number:03}" for number in range(100)], "mortals.example")
    running.send(MESSAGE, "mortals@mortals.example")
    assert kill_while_it_runs(running, most=6, gap=0.3)
    check(running, organization, "mortals.example", "m", 100)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_group_of_5000_gets_one_copy_each_though_workers_are_killed(running: RunningStack) -> None:
    organization = running.organization("thousands")
    running.crowd(organization, "thousands", [f"t{number:04}" for number in range(5000)], "thousands.example")
    began = time.monotonic()
    running.send(MESSAGE, "thousands@thousands.example")
    killed = kill_while_it_runs(running, most=30, gap=3)
    check(running, organization, "thousands.example", "t", 5000, 1200)
    print(f"5,000 mailboxes, {killed} workers killed: {time.monotonic() - began:.0f} s")  # noqa: T201  # a figure
