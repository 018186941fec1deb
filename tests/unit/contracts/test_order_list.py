"""The list of a flow's orders, and its orders, as the version of 2026-11-30 wrote them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from postroom.contracts.messages import read_message
from postroom.contracts.order_list import ORDERS, end_key, in_list, in_row, listed_orders, listing, open_orders
from postroom.contracts.orders import FORMAT, LISTED_FORMAT, OrderKind, order_of
from postroom.errors import UnreadableFactError
from postroom.ledger.bus import PUBLISHED_DATA
from tests.support.builders import order, received

SAMPLES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "order_list_2026_11_30.json").read_text())
RECEIVED: Final = replace(received(messageTimestamp="2026-11-24T12:00:00.000Z"), data=SAMPLES["received"])
ANN: Final = order("ann", delivered_to="all@acme.test")
ALL: Final = [ANN, order("ben"), order("cat", folder="JUNK_EMAIL")]


def test_the_list_is_read() -> None:
    assert listed_orders(RECEIVED) == list(map(in_list, ALL))
    assert listing(ALL) == SAMPLES["received"][ORDERS]
    assert listed_orders(received()) == []


@pytest.mark.parametrize(("name", "made"), [("listed", in_list(ANN)), ("stored", in_row(in_list(ANN)))])
def test_an_order_is_read_and_written(name: str, made: Any) -> None:
    body = json.dumps(SAMPLES[name])
    assert read_message(body) == order_of(SAMPLES[name]) == made
    assert made.model_dump(mode="json") == SAMPLES[name]
    assert (made.key, made.version) == ("order:ann", LISTED_FORMAT)
    assert (order().version, FORMAT) == (1, 1)


def test_those_whose_end_is_a_fact_are_not_open() -> None:
    assert [each.mailbox_id for each in open_orders(RECEIVED, {"MAILBOX_EMAIL_DELIVERED:ben"})] == ["ann", "cat"]
    assert [each.mailbox_id for each in open_orders(RECEIVED, {"INCOMING_EMAIL_BOUNCED:ben"})] == ["ann", "ben", "cat"]


def test_each_form_has_an_end_key_of_its_own_but_listed_orders_and_rows_share_one() -> None:
    assert end_key(order("ann")) == end_key(in_list(order("ann"))) == "MAILBOX_EMAIL_DELIVERED:ann"
    assert end_key(in_row(order("ann"))) == "MAILBOX_EMAIL_DELIVERED:ann:stored"
    assert end_key(order("ann", kind=OrderKind.QUOTA_NOTICE)) == "QUOTA_NOTICE_DELIVERED:ann"


@pytest.mark.parametrize(
    "changes",
    [
        {ORDERS: None},
        {ORDERS: 1},
        {ORDERS: [[]]},
        {ORDERS: [["ann"]]},
        {ORDERS: [["ann", 1]]},
        {ORDERS: [["ann", "ann@acme.test", "x", "INBOX", "more"]]},
        {"raw": None},
        {"size": "many"},
        {"size": -1},
    ],
)
def test_a_list_that_cannot_be_read_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFactError):
        listed_orders(replace(RECEIVED, data={**RECEIVED.data, **changes}))


def test_the_bus_does_not_publish_the_list() -> None:
    assert ORDERS not in PUBLISHED_DATA
