"""A failure of one organization, or of one record, does not delay another's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

GROUP = "/aws/workmail/emailevents/"
MESSAGE = b"Subject: one\r\n\r\ntwo\r\n"


@pytest.fixture(scope="module")
def both(running: RunningStack) -> dict[str, str]:
    """Two organizations with a user ``ann`` each."""
    organizations = {alias: running.organization(alias) for alias in ("refused", "healthy")}
    for alias, organization in organizations.items():
        running.user(organization, "ann", f"ann@{alias}.example")
    return organizations


@pytest.fixture
def faults(running: RunningStack) -> Iterator[None]:
    yield
    running.fault()


def names(running: RunningStack, alias: str) -> list[str]:
    return [event["event"]["eventName"] for event in running.events(GROUP + alias)]


def test_a_log_group_that_refuses_delays_no_other_organization(
    running: RunningStack, both: dict[str, str], faults: None
) -> None:
    match = {"logGroupName": f"{GROUP}refused"}
    running.fault(service="logs", operation="PutLogEvents", match=match, error="AccessDeniedException")
    for _ in range(10):
        running.send(MESSAGE, "ann@refused.example")
        running.send(MESSAGE, "ann@healthy.example")
    wait_for(lambda: names(running, "healthy").count("MAILBOX_EMAIL_DELIVERED") == 10)
    assert names(running, "refused") == []
    running.fault()
    done = running.command("rebuild", both["refused"])
    assert done.returncode == 0, done.stderr.decode()
    wait_for(lambda: names(running, "refused").count("MAILBOX_EMAIL_DELIVERED") >= 10)  # at least once


def test_a_poison_record_delays_no_other_record(running: RunningStack, both: dict[str, str]) -> None:
    before = names(running, "healthy").count("MAILBOX_EMAIL_DELIVERED")
    poison = {"pk": {"S": "poison"}, "sk": {"S": "poison"}, "at": {"S": "never"}}
    running.client("dynamodb").put_item(TableName=running.settings["LEDGER_TABLE"], Item=poison)
    running.send(MESSAGE, "ann@healthy.example")
    wait_for(lambda: names(running, "healthy").count("MAILBOX_EMAIL_DELIVERED") == before + 1)
