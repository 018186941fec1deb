"""The walk's own test: code with a fault in it must be found out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws import directory, transactions
from postroom.adapters.aws.smtp_sessions import Session
from postroom.adapters.aws.transactions import Transaction
from postroom.contracts.order_list import end_key, in_row
from postroom.delivery import index_entry
from postroom.lifecycle.stored_mail import StoredMail
from postroom.model.facts import Fact, OwnFact
from postroom.model.relay_answers import RelayResult, RelayStage
from postroom.parking import stored
from postroom.parking.stored import Seen, StoredObjects
from postroom.ports.transit import Commit
from tests.faults.faults import FAULTS
from tests.faults.invariants import Kind
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import ScenarioError, prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import DeliveryOrder
    from postroom.contracts.smtp import Reply
    from postroom.model.relay_answers import RelayAnswer
    from postroom.ports.transit import Transit


def found_in(name: str, faults: Sequence[str], until: Kind | None = None) -> dict[str, set[Kind]]:
    """Walk one scenario under some faults, each until a kind is found; return what kinds each brought to light."""
    (scenario,) = (each for each in SCENARIOS if each.name == name)
    with prepared(scenario) as walk:
        results = [walk.under(fault, until=until) for fault in FAULTS if fault.name in faults]
    return {result.fault: set(result.counts) for result in results}


def remove_the_idempotency_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let orders and facts be written and taken out without asking whether that was done before."""
    original = Transaction._add

    def unconditional(self: Transaction, label: str, kind: str, arguments: dict[str, Any], condition: Any) -> Any:
        keys = {transactions.THERE, transactions.NOT_THERE}
        if label.rpartition(":")[2] in {"take", "order", "fact"} and condition in keys:
            condition = None
        return original(self, label, kind, arguments, condition)

    monkeypatch.setattr(Transaction, "_add", unconditional)


def split_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write what belongs together one by one: the settled order apart from the mailbox, the fact apart from both."""
    original = Transaction.commit

    def split(self: Transaction) -> frozenset[str]:
        for label, write in zip(self._labels, self._writes, strict=True):
            if refused := original(Transaction(self.client, [label], [write])):
                return refused
        return frozenset()

    monkeypatch.setattr(Transaction, "commit", split)


def test_the_walk_finds_out_code_without_its_idempotency_key(monkeypatch: pytest.MonkeyPatch) -> None:
    remove_the_idempotency_key(monkeypatch)
    faults = ["killed after", "timed out", "overtaken", "handed out twice"]
    found = found_in("deliver: one mailbox", faults, Kind.DUPLICATED)
    assert len(found) == 4
    assert all(Kind.DUPLICATED in kinds for kinds in found.values()), found


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("deliver: one mailbox", Kind.DUPLICATED),  # its order is listed: the fact that ends it comes last
        ("ingest: a message that is a day old", Kind.LOST),  # its order has a row, which goes first
        ("ingest: a group, a user, an unknown address", Kind.LOST),
        ("query_availability: a provider is called", Kind.LOST),
    ],
)
def test_the_walk_finds_out_a_transaction_that_is_split(
    monkeypatch: pytest.MonkeyPatch, scenario: str, kind: Kind
) -> None:
    split_transactions(monkeypatch)
    found = found_in(scenario, ["killed before", "throttled"], kind)
    assert len(found) == 2
    assert all(kind in kinds for kinds in found.values()), found


def test_the_walk_finds_out_objects_under_a_new_name_at_every_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(f"{number:032x}" for number in range(1 << 20))
    monkeypatch.setattr(index_entry, "_token", lambda order: next(names))
    assert Kind.WRONG in found_in("deliver: one mailbox", ["killed after"], Kind.WRONG)["killed after"]


def store_in_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a listed order first, and give it its row afterwards."""

    def store(order: DeliveryOrder, transit: Transit, now: int) -> DeliveryOrder:
        fact = Fact(order.trace, order.organization_id, OwnFact.ORDER_STORED, end_key(order), now)
        transit.commit(Commit(facts=[fact]))
        transit.commit(Commit(orders=[in_row(order)]))
        return in_row(order)

    monkeypatch.setattr(stored, "store", store)


def end_under_many_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each end of an order a key of its own, so that none excludes another."""
    numbers = iter(range(1 << 20))

    def put(self: Transaction, label: str, table: str, row: Any, **more: Any) -> Transaction:
        if label == "fact" and "MAILBOX_EMAIL_DELIVERED" in row["sk"]["S"]:
            row = {**row, "sk": {"S": f"{row['sk']['S']}:{next(numbers)}"}}
        return original(self, label, table, row, **more)

    original = Transaction.put
    monkeypatch.setattr(Transaction, "put", put)


def test_the_walk_finds_out_a_listed_order_that_is_stored_in_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    store_in_two_steps(monkeypatch)
    found = found_in("sweep: orders that a queue lost", ["killed after"], Kind.LOST)
    assert Kind.LOST in found["killed after"]


def test_the_walk_finds_out_ends_that_do_not_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    end_under_many_keys(monkeypatch)
    with pytest.raises(ScenarioError):  # the copy that comes late is delivered a second time, or the order is open
        found_in("deliver: a late copy of a parked order", ["killed after"])


def test_the_walk_finds_out_a_sweep_that_looks_at_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredObjects, "_listed", lambda *_: Seen())
    with pytest.raises(ScenarioError, match="in no queue"):
        found_in("sweep: orders that a queue lost", ["killed after"])


def test_the_walk_finds_out_a_directory_that_makes_no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "notes_of", lambda _: ())
    with pytest.raises(ScenarioError, match="his mailbox is there"):
        found_in("remove_mailboxes: a mailbox whose owner left", ["killed after"])


def test_the_walk_finds_out_a_deletion_that_ends_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredMail, "_end_listed", lambda *_, **__: True)
    with pytest.raises(ScenarioError):
        found_in("delete_organizations: orders that are lost until it is too late", ["killed after"])


def test_the_walk_finds_out_a_message_that_counts_as_taken_before_the_gateway_has_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = Session._answer

    def hasty(session: Session, reply: Reply, stage: RelayStage) -> RelayAnswer:
        found = answer(session, reply, stage)
        return replace(found, result=RelayResult.ACCEPTED) if stage is RelayStage.DATA else found

    monkeypatch.setattr(Session, "_answer", hasty)
    assert Kind.LOST in found_in("transmit: a gateway", ["throttled"], Kind.LOST)["throttled"]
