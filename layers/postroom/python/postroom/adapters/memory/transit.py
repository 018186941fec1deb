"""Messages in transit, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.tables import MemoryTables, Row
from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import Order, RuleCall
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import (
    EXPANSION,
    Allowance,
    Commit,
    EndCall,
    OpenCall,
    Outcome,
    OverLimit,
    Postpone,
    PostponeCall,
    Settle,
    SettleIfThere,
    Take,
    TakeChunk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.contracts.orders import DeliveryOrder


@dataclass(frozen=True, slots=True)
class MemoryTransit:
    """Implements ``Transit``. ``now`` returns milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def commit(self, commit: Commit) -> Outcome | OverLimit:
        with self.tables.lock:
            outcome = self.outcome(commit)
            if outcome is Outcome.DONE:
                self._write(commit)
            return outcome

    def order(self, trace: str, key: str) -> Order | None:
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
            if row is not None:
                return row.entry if isinstance(row.entry, Order) else None
            return next((order for order in self._listed(trace) if order.key == key), None)

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
        return row.entry if row and row.parked is None and isinstance(row.entry, Expansion) else None

    def contents(self, trace: str) -> FlowContents:
        with self.tables.lock:
            return self.tables.contents.get(trace, FlowContents(trace))

    def open_call(self, trace: str, key: str) -> OpenCall | None:
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
            if row is None or row.parked is not None or not isinstance(row.entry, RuleCall):
                return None
            return OpenCall(row.entry, row.failed, row.since_ms)

    def rule_calls(self, trace: str) -> Iterator[RuleCall]:
        with self.tables.lock:
            entries = [row.entry for (pk, _), row in self.tables.transit.items() if pk == trace]
        yield from (entry for entry in entries if isinstance(entry, RuleCall))

    def open_orders(self, trace: str) -> Iterator[Order]:
        yield from (entry for entry in self.under_way(trace) if not isinstance(entry, Expansion))

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        with self.tables.lock:
            rows = [row for (pk, _), row in self.tables.transit.items() if pk == trace and row.parked is None]
            found = [*(row.entry for row in rows if row.entry is not None), *self._listed(trace)]
        yield from sorted(found, key=lambda entry: entry.key)

    def is_clear(self, trace: str) -> bool:
        with self.tables.lock:
            return not self._listed(trace) and all(pk != trace for pk, _ in self.tables.transit)

    def _listed(self, trace: str) -> Sequence[DeliveryOrder]:
        opened = MemoryLedger(self.tables).opened(trace)
        return opened.listed if opened is not None else ()

    def outcome(self, commit: Commit) -> Outcome | OverLimit:
        """Check every condition; write nothing."""
        expansions = [commit.expansion] if commit.expansion is not None else []
        if not self.tables.are_new(commit.facts, [*commit.orders, *expansions]):
            return Outcome.ALREADY
        if not all(map(self._is_as_read, commit.takes)):
            return Outcome.ALREADY
        contents = commit.new_contents
        if contents is not None and contents.version != self.contents(contents.trace).version:
            return Outcome.STALE
        used_up = (each for each in commit.allowances if self._used(each) >= each.most)
        return next(map(OverLimit, used_up), Outcome.DONE)

    def _is_as_read(self, take: Take) -> bool:
        match take:
            case Settle(entry):
                return not entry.has_row or (entry.trace, entry.key) in self.tables.transit
            case SettleIfThere():
                return True
            case Postpone(entry):
                held = self.tables.transit.get((entry.trace, entry.key))
                return held is not None and held.parked is None
            case EndCall(call) | PostponeCall(call):
                found = self.open_call(call.call.trace, call.call.key)
                return found is not None and found.failed == call.failed
            case TakeChunk(expansion):
                now = self.expansion(expansion.trace, expansion.key)
                return now is not None and (now.plan, now.done) == (expansion.plan, expansion.done)

    def _used(self, allowance: Allowance) -> int:
        return self.tables.allowances.get(allowance.name, 0)

    def _write(self, commit: Commit) -> None:
        for take in commit.takes:
            self._take(take)
        self.tables.write(commit.facts, commit.orders, now_ms=self.now())
        if commit.expansion is not None:
            place = (commit.expansion.trace, commit.expansion.key)
            self.tables.transit[place] = Row(self.now(), commit.expansion)
        if (contents := commit.new_contents) is not None:
            self.tables.contents[contents.trace] = replace(contents, version=contents.version + 1)
        for allowance in commit.allowances:
            self.tables.allowances[allowance.name] = self._used(allowance) + 1

    def _take(self, take: Take) -> None:
        transit = self.tables.transit
        match take:
            case Settle(entry) | SettleIfThere(entry):
                if entry.has_row:
                    transit.pop((entry.trace, entry.key), None)
            case Postpone(entry, due_ms):
                held = transit[entry.trace, entry.key]
                held.since_ms, held.sweeps = due_ms, 0
            case EndCall(call):
                del transit[call.call.trace, call.call.key]
            case PostponeCall(call, due_ms):
                row = transit[call.call.trace, call.call.key]
                row.failed, row.since_ms, row.sweeps = call.failed + 1, due_ms, 0
            case TakeChunk(expansion):
                place = (expansion.trace, expansion.key)
                if expansion.done + 1 == expansion.chunks:
                    del transit[place]
                else:
                    self._advance(transit[place])

    def _advance(self, row: Row) -> None:
        if isinstance(row.entry, Expansion):
            row.entry = row.entry.model_copy(update={"done": row.entry.done + 1})
