"""The ledger in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.order_list import open_orders
from postroom.model.facts import OPENINGS, RECEIVED, OwnFact, in_order, message_id_of, split_trace
from postroom.model.message_ids import bare, spellings
from postroom.ports.ledger import OpenedFlow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.adapters.memory.tables import MemoryTables
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class MemoryLedger:
    """Implements ``Ledger``."""

    tables: MemoryTables

    def facts(self, trace: str) -> Sequence[Fact]:
        with self.tables.lock:
            return in_order(self.tables.facts.get(trace, {}).values())

    def fact(self, trace: str, key: str) -> Fact | None:
        with self.tables.lock:
            return self.tables.facts.get(trace, {}).get(key)

    def opened(self, trace: str) -> OpenedFlow | None:
        with self.tables.lock:
            facts = dict(self.tables.facts.get(trace, {}))
        received = facts.get(RECEIVED)
        return None if received is None else OpenedFlow(received, open_orders(received, facts))

    def of_message(self, part: str, *, latest: bool) -> Sequence[Fact]:  # noqa: ARG002 - all is the latest
        with self.tables.lock:
            traces = [trace for trace in self.tables.facts if (split_trace(trace) or ("",))[0] == part]
            return in_order(fact for trace in traces for fact in self.tables.facts[trace].values())

    def attempts(self, trace: str) -> Sequence[Fact]:
        return [fact for fact in self.facts(trace) if fact.name is OwnFact.RULE_ATTEMPTED]

    def openings(self, traces: Collection[str], key: str = RECEIVED) -> Mapping[str, Fact]:
        return {trace: fact for (trace, _), fact in self.facts_at([(trace, key) for trace in traces]).items()}

    def facts_at(self, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Fact]:
        found = {place: self.fact(*place) for place in places}
        return {place: fact for place, fact in found.items() if fact is not None}

    def by_message_id(self, message_id: str) -> Iterator[Fact]:
        meant = spellings(message_id)
        yield from (f for f in self._all() if f.key in OPENINGS and bare(message_id_of(f)) in meant)

    def between(self, since_ms: int, until_ms: int) -> Iterator[Fact]:
        yield from (fact for fact in self._all() if since_ms <= fact.at < until_ms)

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        yield from (fact for fact in self._all() if fact.organization_id == organization_id)

    def _all(self) -> list[Fact]:
        with self.tables.lock:
            return [fact for facts in self.tables.facts.values() for fact in facts.values()]
