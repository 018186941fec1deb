"""Messages on their way, and the ledger, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.adapters.memory.tables import MemoryTables, Row
from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import BounceOrder, DeliveryOrder, Order, RuleCall
from postroom.model.facts import RECEIVED, Fact
from postroom.model.message_ids import bare, spellings
from postroom.ports.transit import EXPANSION, Allowance, Called, Claim, Parked, Standing, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from postroom.ports.message_contents import FlowContents


@dataclass(frozen=True, slots=True)
class MemoryTransit:
    """Implements ``Transit``. ``now`` gives milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def open(
        self,
        facts: Sequence[Fact],
        orders: Sequence[Order],
        expansion: Expansion | None,
    ) -> bool:
        with self.tables.lock:
            if not self.tables.are_new(facts, orders) or (
                expansion is not None and (expansion.trace, expansion.key) in self.tables.transit
            ):
                return False
            self.tables.write(facts, orders, now=self.now())
            if expansion is not None:
                self.tables.transit[expansion.trace, expansion.key] = Row(self.now(), expansion)
            return True

    def expand(self, before: Expansion, facts: Sequence[Fact], orders: Sequence[Order]) -> bool:
        place = (before.trace, before.key)
        with self.tables.lock:
            stands = self.expansion(before.trace, before.key)
            if stands is None or (stands.plan, stands.done) != (before.plan, before.done):
                return False
            if not self.tables.are_new(facts, orders):
                return False
            if before.done + 1 == before.chunks:
                del self.tables.transit[place]
            else:
                self.tables.transit[place].entry = stands.model_copy(update={"done": before.done + 1})
            self.tables.write(facts, orders, now=self.now())
            return True

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
        return row.entry if row and row.parked is None and isinstance(row.entry, Expansion) else None

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        with self.tables.lock:
            found = [(key, row) for (pk, key), row in self.tables.transit.items() if pk == trace and row.parked is None]
        yield from (row.entry for _, row in sorted(found, key=lambda one: one[0]) if row.entry is not None)

    def open_orders(self, trace: str) -> Iterator[Order]:
        yield from (entry for entry in self.under_way(trace) if not isinstance(entry, Expansion))

    def order(self, trace: str, key: str) -> DeliveryOrder | None:
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
        return row.entry if row and isinstance(row.entry, DeliveryOrder) else None

    def is_clear(self, trace: str) -> bool:
        with self.tables.lock:
            return all(pk != trace for pk, _ in self.tables.transit)

    def settle(self, order: Order | Expansion, facts: Sequence[Fact], orders: Sequence[Order] = ()) -> bool:
        with self.tables.lock:
            if (order.trace, order.key) not in self.tables.transit or not self.tables.are_new(facts, orders):
                return False
            del self.tables.transit[order.trace, order.key]
            self.tables.write(facts, orders, now=self.now())
            return True

    def claim_bounce(self, intent: Fact, allowance: Allowance) -> Claim:
        with self.tables.lock:
            if not self.tables.are_new([intent]):
                return Claim.TAKEN
            sent = self.tables.allowances.get(allowance.name, 0)
            if sent >= allowance.most:
                return Claim.OVER_LIMIT
            self.tables.allowances[allowance.name] = sent + 1
            self.tables.write([intent])
            return Claim.MADE

    def settle_bounces(self, orders: Sequence[BounceOrder], facts: Sequence[Fact]) -> bool:
        with self.tables.lock:
            if not self.tables.are_new(facts):
                return False
            for order in orders:
                self.tables.transit.pop((order.trace, order.key), None)
            self.tables.write(facts)
            return True

    def called(self, trace: str, key: str) -> Called | None:
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
            if row is None or row.parked is not None or not isinstance(row.entry, RuleCall):
                return None
            return Called(row.entry, row.failed, row.since)

    def call_again(self, called: Called, due: int, facts: Sequence[Fact]) -> bool:
        with self.tables.lock:
            if not self._stands(called) or not self.tables.are_new(facts):
                return False
            row = self.tables.transit[called.call.trace, called.call.key]
            row.failed, row.since, row.sweeps = called.failed + 1, due, 0
            self.tables.write(facts)
            return True

    def decide(
        self,
        called: Called,
        facts: Sequence[Fact],
        orders: Sequence[Order],
        expansion: Expansion | None,
        contents: FlowContents | None = None,
    ) -> bool:
        with self.tables.lock:
            if not self._stands(called) or not self.tables.are_new(facts, orders):
                return False
            if contents is not None:
                self.tables.replace_contents(contents)
            del self.tables.transit[called.call.trace, called.call.key]
            self.tables.write(facts, orders, now=self.now())
            if expansion is not None:
                self.tables.transit[expansion.trace, expansion.key] = Row(self.now(), expansion)
            return True

    def _stands(self, called: Called) -> bool:
        stands = self.called(called.call.trace, called.call.key)
        return stands is not None and stands.failed == called.failed

    def park(self, parked: Parked, fact: Fact) -> bool:
        place = (parked.trace, parked.key)
        with self.tables.lock:
            row = self.tables.transit.get(place)
            allowed = row is not None and row.parked is None if parked.in_transit else row is None or row.released
            if not allowed or not self.tables.are_new([fact]):
                return False
            entry = row.entry if row else None
            self.tables.transit[place] = Row(parked.since, entry, parked, failed=row.failed if row else 0)
            self.tables.write([fact])
            return True

    def parked(self, parked_id: str) -> Parked | None:
        trace, _, key = parked_id.partition("/")
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
        return row.parked if row else None

    def all_parked(self) -> Iterator[Parked]:
        with self.tables.lock:
            rows = list(self.tables.transit.values())
        yield from (row.parked for row in rows if row.parked is not None)

    def release(self, parked: Parked) -> bool:
        with self.tables.lock:
            row = self.tables.transit.get((parked.trace, parked.key))
            if row is None or row.parked is None:
                return False
            row.released = True
            return True

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        place = (parked.trace, parked.key)
        with self.tables.lock:
            row = self.tables.transit.get(place)
            if row is None or row.parked is None or not self.tables.are_new([fact]):
                return False
            if parked.in_transit:
                self.tables.transit[place] = Row(self.now(), row.entry, failed=row.failed)
            elif row.released:
                del self.tables.transit[place]
            else:
                return False
            self.tables.write([fact])
            return True

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        with self.tables.lock:
            if self.parked(parked.id) is None or not self.tables.are_new(facts):
                return False
            del self.tables.transit[parked.trace, parked.key]
            self.tables.write(facts)
            return True

    def of_organization(self, organization_id: str) -> Iterator[Standing]:
        with self.tables.lock:
            rows = [replace(row) for row in self.tables.transit.values()]
        for row in rows:
            its = row.parked or row.entry
            if its is not None and its.organization_id == organization_id:
                yield Standing(row.entry, row.parked, row.since, row.sweeps)

    def note(self, facts: Sequence[Fact]) -> bool:
        with self.tables.lock:
            if not self.tables.are_new(facts):
                return False
            self.tables.write(facts)
            return True

    def waiting(self, before: int) -> Iterator[Waiting]:
        with self.tables.lock:
            rows = [replace(row) for row in self.tables.transit.values() if row.parked is None and row.since < before]
        yield from (Waiting(row.entry, row.since, row.sweeps) for row in rows if row.entry is not None)

    def swept(self, waiting: Waiting, now: int) -> None:
        with self.tables.lock:
            row = self.tables.transit.get((waiting.entry.trace, waiting.entry.key))
            if row is not None and row.parked is None and row.since == waiting.since:
                row.since, row.sweeps = now, waiting.sweeps + 1


@dataclass(frozen=True, slots=True)
class MemoryLedger:
    """Implements ``Ledger``."""

    tables: MemoryTables

    def facts(self, trace: str) -> Sequence[Fact]:
        with self.tables.lock:
            found = list(self.tables.facts.get(trace, {}).values())
        return sorted(found, key=lambda fact: (fact.at, fact.key != RECEIVED, fact.key))

    def fact(self, trace: str, key: str) -> Fact | None:
        with self.tables.lock:
            return self.tables.facts.get(trace, {}).get(key)

    def openings(self, traces: Collection[str]) -> Mapping[str, Fact]:
        found = {trace: self.fact(trace, RECEIVED) for trace in traces}
        return {trace: fact for trace, fact in found.items() if fact is not None}

    def received(self, *, message_id: str) -> Iterator[Fact]:
        meant = spellings(message_id)
        yield from (f for f in self._all() if f.key == RECEIVED and bare(f.event.get("messageId", "")) in meant)

    def between(self, since: int, until: int) -> Iterator[Fact]:
        yield from (fact for fact in self._all() if since <= fact.at < until)

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        yield from (fact for fact in self._all() if fact.organization_id == organization_id)

    def _all(self) -> list[Fact]:
        with self.tables.lock:
            return [fact for facts in self.tables.facts.values() for fact in facts.values()]
