"""What is wrong with one organization, or one record, does not delay another's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.house import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.house import House

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

GROUP = "/aws/workmail/emailevents/"
LETTER = b"Subject: one\r\n\r\ntwo\r\n"


@pytest.fixture(scope="module")
def both(house: House) -> dict[str, str]:
    """Two organizations with a user ``ann`` each."""
    organizations = {alias: house.organization(alias) for alias in ("refused", "healthy")}
    for alias, organization in organizations.items():
        house.user(organization, "ann", f"ann@{alias}.example")
    return organizations


@pytest.fixture
def faults(house: House) -> Iterator[None]:
    yield
    house.fault()


def names(house: House, alias: str) -> list[str]:
    return [event["event"]["eventName"] for event in house.events(GROUP + alias)]


def test_a_log_group_that_refuses_delays_nobody_else(house: House, both: dict[str, str], faults: None) -> None:
    match = {"logGroupName": f"{GROUP}refused"}
    house.fault(service="logs", operation="PutLogEvents", match=match, error="AccessDeniedException")
    for _ in range(10):
        house.send(LETTER, "ann@refused.example")
        house.send(LETTER, "ann@healthy.example")
    wait_for(lambda: names(house, "healthy").count("MAILBOX_EMAIL_DELIVERED") == 10)
    assert names(house, "refused") == []
    house.fault()
    done = house.command("rebuild", both["refused"])
    assert done.returncode == 0, done.stderr.decode()
    wait_for(lambda: names(house, "refused").count("MAILBOX_EMAIL_DELIVERED") >= 10)  # at least once


def test_a_poison_record_delays_nobody(house: House, both: dict[str, str]) -> None:
    before = names(house, "healthy").count("MAILBOX_EMAIL_DELIVERED")
    poison = {"pk": {"S": "poison"}, "sk": {"S": "poison"}, "at": {"S": "never"}}
    house.client("dynamodb").put_item(TableName=house.settings["LEDGER_TABLE"], Item=poison)
    house.send(LETTER, "ann@healthy.example")
    wait_for(lambda: names(house, "healthy").count("MAILBOX_EMAIL_DELIVERED") == before + 1)
