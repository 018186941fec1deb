"""Which flows list their orders in the fact that opens them, and that nothing orders a listed mailbox a second time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.contracts import order_list
from postroom.contracts.order_list import LISTED_WITHIN_MS, ORDERS, listed_orders, with_list
from postroom.contracts.orders import LISTED_FORMAT, DeliveryOrder, RuleCall
from postroom.model.facts import RECEIVED, OwnFact, trace_of
from postroom.model.limits import CHUNK_RECIPIENTS, DAY_MS, HOUR_MS
from postroom.model.rules import ActionType, LambdaCall
from tests.support.builders import NOON, ORG, bounce, call, notification, order, received
from tests.support.commits import Watched
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import BOUNCE, JUNK, rule

if TYPE_CHECKING:
    from postroom.model.facts import Fact
    from postroom.model.rules import Rule
    from postroom.ports.transit import Commit

MESSAGE: Final = b"From: Bob <bob@example.org>\r\nSubject: plums\r\n\r\nten\r\n"
TRACE: Final = trace_of("m1", ORG)


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for name in ("ann", "ben", "cat"):
        made.user(name)
    made.alias("sales", "ben")
    made.group("all", "ann", "ben")
    made.raw.store("inbound/m1", MESSAGE)
    return made


def accept(post: MemoryMailSystem, *recipients: str, **more: Any) -> Fact:
    """Let ingest accept the message m1; return the fact that opened its flow."""
    post.ingest.accept(notification("m1", [f"{name}@acme.test" for name in recipients], **more))
    first = post.ledger.fact(TRACE, RECEIVED)
    assert first is not None
    return first


def asking(post: MemoryMailSystem, *recipients: str) -> Rule:
    """Return a rule that calls a function, which answers DEFAULT for all."""
    answer = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}
    function = LambdaCall(post.function("tag", lambda _: answer), True, ActionType.DEFAULT, 5)
    return rule(ActionType.RUN_LAMBDA, recipients=[f"{name}@acme.test" for name in recipients], call=function)


def sent(post: MemoryMailSystem) -> list[DeliveryOrder]:
    return [DeliveryOrder.read(body) for body in post.queues.queues["deliver"]]


def rows(post: MemoryMailSystem) -> list[str]:
    return sorted(key for _, key in post.tables.transit)


class TestListed:
    def test_a_plain_flow_is_one_fact_and_its_orders_have_no_rows(self, post: MemoryMailSystem) -> None:
        first = accept(post, "ann")
        assert first.data[ORDERS] == [["ann", "ann@acme.test"]]
        assert rows(post) == []
        assert sent(post) == listed_orders(first) == list(post.transit.open_orders(TRACE))
        post.pump()
        assert post.contents("ann") == [MESSAGE]
        assert post.transit.is_clear(TRACE)

    def test_an_alias_a_group_and_junk_are_listed_as_they_are(self, post: MemoryMailSystem) -> None:
        post.rules(rule(JUNK, recipients="all@acme.test"))
        first = accept(post, "sales", "cat", "all")
        assert sorted(first.data[ORDERS]) == [
            ["ann", "ann@acme.test", "all@acme.test", "JUNK_EMAIL"],
            ["ben", "ben@acme.test", "sales@acme.test"],
            ["cat", "cat@acme.test"],
        ]
        post.pump()
        assert post.contents("ann", "JUNK_EMAIL") == post.contents("ben") == post.contents("cat") == [MESSAGE]

    def test_a_bounce_beside_has_its_row(self, post: MemoryMailSystem) -> None:
        post.rules(rule(BOUNCE, recipients="cat@acme.test"))
        first = accept(post, "ann", "cat", "nobody")
        assert first.data[ORDERS] == [["ann", "ann@acme.test"]]
        assert rows(post) == ["bounce:cat@acme.test"]

    def test_a_listed_message_has_a_form_that_the_version_before_cannot_read(self, post: MemoryMailSystem) -> None:
        """It would look for a row, find none, and drop the message as delivered: its readers take version 1 only."""
        accept(post, "ann")
        (body,) = post.queues.queues["deliver"]
        assert json.loads(body)["version"] == LISTED_FORMAT == 2
        assert json.loads(body)["listed"] is True

    def test_what_follows_from_a_listed_order_has_the_usual_form(self, post: MemoryMailSystem) -> None:
        post.user("tim", quota=len(MESSAGE))
        accept(post, "tim")
        post.deliver.accept(post.queues.queues["deliver"].popleft())
        (notice,) = sent(post)
        assert (notice.version, notice.listed, notice.stored) == (1, False, False)
        assert rows(post) == ["order:tim:QUOTA_NOTICE"]

    def test_the_time_of_arrival_survives_the_list_to_the_millisecond(self, post: MemoryMailSystem) -> None:
        for thousandth in range(1000):
            first = received(messageTimestamp=f"2026-11-24T12:00:00.{thousandth:03}Z")
            first = replace(first, data={"envelopeFrom": "", "raw": order().raw.model_dump(), "size": 100})
            made, orders = with_list(first, [order(envelope_from="", received_at=NOON + thousandth)])
            assert ORDERS in made.data, thousandth
            assert orders == listed_orders(made)


class TestInRows:
    def test_a_call_of_a_function(self, post: MemoryMailSystem) -> None:
        post.rules(asking(post, "cat"))
        first = accept(post, "ann", "cat")
        assert ORDERS not in first.data
        assert [key.partition(":")[0] for key in rows(post)] == ["call", "order"]

    def test_more_than_one_transaction(self, post: MemoryMailSystem) -> None:
        names = [f"u{number:02}" for number in range(CHUNK_RECIPIENTS + 1)]
        for name in names:
            post.user(name)
        assert ORDERS not in accept(post, *names).data
        assert rows(post) == [f"order:{name}" for name in names]

    @pytest.mark.parametrize(("age", "listed_"), [(HOUR_MS - 1001, True), (HOUR_MS - 1000, False), (9 * DAY_MS, False)])
    def test_a_flow_that_opens_an_hour_late(self, post: MemoryMailSystem, age: int, listed_: bool) -> None:
        """The sweep looks for lost listed orders when SES has stored a message an hour ago."""
        assert LISTED_WITHIN_MS == HOUR_MS
        first = accept(post, "ann", at=NOON - age)
        assert (ORDERS in first.data) is listed_
        assert bool(rows(post)) is not listed_

    def test_a_list_that_would_be_too_long(self, post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        exact = len('[["ann", "ann@acme.test"]]')
        monkeypatch.setattr(order_list, "MAX_LIST_BYTES", exact)
        assert ORDERS in accept(post, "ann").data
        other = MemoryMailSystem()
        other.user("ann")
        other.raw.store("inbound/m1", MESSAGE)
        monkeypatch.setattr(order_list, "MAX_LIST_BYTES", exact - 1)
        assert ORDERS not in accept(other, "ann").data

    def test_what_could_not_be_rebuilt(self) -> None:
        first = replace(received(messageTimestamp="2026-11-24T12:00:00.000Z"), data=_common())
        assert with_list(first, [order()])[0].data[ORDERS]
        for changes in ({"size": 1}, {"received_at": NOON + 1}, {"envelope_from": "x"}, {"trace": "e" * 32}):
            assert with_list(first, [order(**changes)]) == (first, [order(**changes)])

    def test_what_is_no_plain_delivery(self) -> None:
        first = replace(received(messageTimestamp="2026-11-24T12:00:00.000Z"), data=_common())
        for orders in ([], [bounce()], [order(), call()], [order(kind="QUOTA_NOTICE")]):
            assert with_list(first, orders) == (first, orders)


class TestAddedRecipients:
    """A later announcement, and a decision about its recipients, leave out every mailbox that is listed."""

    @pytest.mark.parametrize("delivered", [False, True])
    def test_a_later_announcement_has_rows_and_leaves_out_what_is_listed(
        self, post: MemoryMailSystem, delivered: bool
    ) -> None:
        accept(post, "ann")
        if delivered:
            post.pump()
        accept(post, "all", "ann")
        assert rows(post) == ["order:ben"]
        post.pump()
        assert post.contents("ann") == post.contents("ben") == [MESSAGE]

    def test_a_function_that_is_asked_about_added_recipients_cannot_order_a_listed_mailbox_again(
        self, post: MemoryMailSystem
    ) -> None:
        post.rules(asking(post, "all"))
        accept(post, "ann")
        accept(post, "all")
        (waiting,) = (each for each in post.transit.open_orders(TRACE) if isinstance(each, RuleCall))
        assert waiting.part
        post.run_sync_rule.accept(post.queues.queues["run_sync_rule"].popleft())
        assert rows(post) == ["order:ben"]
        post.pump()
        assert post.contents("ann") == post.contents("ben") == [MESSAGE]

    @pytest.mark.parametrize("names", [("ann",), ("all", "ann"), ("cat",)])
    def test_two_announcements_at_once_deliver_one_copy_each(
        self, post: MemoryMailSystem, names: tuple[str, ...]
    ) -> None:
        """The second is carried out whole between the first one's decision and its transaction."""
        struck: list[Commit] = []

        def overtake(commit: Commit) -> None:
            if not struck:
                struck.append(commit)
                accept(post, *names)

        slow: Any = Watched(post.transit, overtake)
        body = notification("m1", ["all@acme.test", "cat@acme.test"])
        replace(post.ingest, transit=slow).accept(body)
        assert len(struck) == 1
        post.pump()
        for name in ("ann", "ben", "cat"):
            assert post.contents(name) == [MESSAGE]
        names_of_facts = [fact.name for fact in post.ledger.facts(TRACE)]
        assert names_of_facts.count(OwnFact.ORDER_STORED) == 0
        assert post.transit.is_clear(TRACE)

    def test_the_same_announcement_again_sends_what_is_listed_and_open(self, post: MemoryMailSystem) -> None:
        accept(post, "ann", "ben")
        first = sent(post)
        post.queues.queues["deliver"].clear()
        accept(post, "ann", "ben")
        assert sent(post) == first
        post.pump()
        accept(post, "ann", "ben")
        assert sent(post) == []


def _common() -> dict[str, Any]:
    one = order()
    return {"envelopeFrom": one.envelope_from, "raw": one.raw.model_dump(), "size": one.size}
