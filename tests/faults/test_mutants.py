"""The walk's own test: code with a fault in it must be found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws import transactions
from postroom.adapters.aws.transactions import Transaction
from postroom.delivery import index_entry
from tests.faults.faults import FAULTS
from tests.faults.invariants import Kind
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import prepared

if TYPE_CHECKING:
    from collections.abc import Sequence


def found_in(name: str, faults: Sequence[str]) -> dict[str, set[Kind]]:
    """Walk one scenario under some faults; return what kinds of findings each brought to light."""
    (scenario,) = (each for each in SCENARIOS if each.name == name)
    with prepared(scenario) as walk:
        results = [walk.under(fault) for fault in FAULTS if fault.name in faults]
    return {result.fault: set(result.counts) for result in results}


def remove_the_idempotency_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let orders and facts be written and taken out without asking whether that was done before."""
    original = Transaction._add

    def unconditional(self: Transaction, label: str, kind: str, arguments: dict[str, Any], condition: Any) -> Any:
        if label in {"take", "order", "fact"} and condition in {transactions.THERE, transactions.NOT_THERE}:
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
    found = found_in("deliver: one mailbox", ["killed after", "timed out", "overtaken", "handed out twice"])
    assert len(found) == 4
    assert all(Kind.DUPLICATED in kinds for kinds in found.values()), found


@pytest.mark.parametrize(
    "scenario",
    [
        "deliver: one mailbox",
        "ingest: a group, a user, an unknown address",
        "query_availability: a provider is called",
    ],
)
def test_the_walk_finds_out_a_transaction_that_is_split(monkeypatch: pytest.MonkeyPatch, scenario: str) -> None:
    split_transactions(monkeypatch)
    found = found_in(scenario, ["killed before", "throttled"])
    assert len(found) == 2
    assert all(Kind.LOST in kinds for kinds in found.values()), found


def test_the_walk_finds_out_objects_under_a_new_name_at_every_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(f"{number:032x}" for number in range(1 << 20))
    monkeypatch.setattr(index_entry, "_token", lambda order: next(names))
    assert Kind.WRONG in found_in("deliver: one mailbox", ["killed after"])["killed after"]
