"""Random starts, ends and pauses: a start is refused exactly where one of the two limits holds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.exports import MailboxExportJob
from postroom.model.jobs import JobState
from postroom.model.limits import DAY_MS
from postroom.model.records import Replace
from tests.admin.test_exports import TO, Cancel, List, Start, account

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["account"]

USERS, STEPS = 30, 400


@dataclass(slots=True)
class Known:
    """What the test knows of a job."""

    owner: str
    started: int
    state: str = "RUNNING"


def barred(jobs: dict[str, Known], owner: str, now: int) -> bool:
    """Say whether the guide's limits refuse a start."""
    running = [job for job in jobs.values() if job.state == "RUNNING"]
    done = [job for job in jobs.values() if job.state == "COMPLETED" and now - job.started < DAY_MS]
    return len(running) >= 10 or any(job.owner == owner for job in running + done)


@pytest.mark.parametrize("seed", range(3))
def test_starts_are_refused_exactly_where_a_limit_holds(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a walk, not a secret
    owners = [enable(f"u{number}") for number in range(USERS)]
    jobs: dict[str, Known] = {}
    refusals: list[str] = []
    for step in range(STEPS):
        owner = dice.choice(owners)
        match dice.choice((*["start"] * 6, "end", "cancel", "wait")):
            case "start":
                now = caller.now + 1000
                request = {"OrganizationId": acme, "EntityId": owner, "ClientToken": f"t-{step}", **TO}
                if barred(jobs, owner, now):
                    refusals.append(caller.refused("LimitExceededException", Start, **request))
                else:
                    jobs[caller(Start, **request)["JobId"]] = Known(owner, now)
            case "wait":
                caller.now += dice.randrange(DAY_MS // 4)
            case how:
                running = [job for job, known in jobs.items() if known.state == "RUNNING"]
                if running:
                    finish(caller, context, acme, jobs, dice.choice(running), cancel=how == "cancel")
    shown = {job["JobId"]: job["State"] for job in caller(List, OrganizationId=acme)["Jobs"]}
    assert shown.items() <= {job: known.state for job, known in jobs.items()}.items()
    assert {text.split()[0] for text in refusals} == {"A", "At"}, "both limits were reached"


def finish(caller: Any, context: Any, acme: str, jobs: dict[str, Known], job: str, *, cancel: bool) -> None:
    """End a job, as an administrator or as its stations."""
    if cancel:
        caller(Cancel, OrganizationId=acme, JobId=job, ClientToken=job)
    else:
        found = context.directory.owned(MailboxExportJob, acme, job)
        context.directory.commit([Replace(found.end(JobState.COMPLETED, caller.now))])
    jobs[job].state = "CANCELLED" if cancel else "COMPLETED"
