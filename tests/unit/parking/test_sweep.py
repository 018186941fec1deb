"""The cost of a sweep if much mail is stored: it reads a share of it each time, with no more calls than are needed."""

from __future__ import annotations

import hashlib
import string
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.contracts.export_orders import PlanExportOrder
from postroom.errors import StoreUnavailableError
from postroom.model.sweep_round import ROUND_MS
from postroom.parking import sweep as sweeping
from postroom.parking.parking import Parking
from postroom.parking.stored import StoredObjects
from postroom.ports.metrics import PARKED_OPEN, SWEEP_BEHIND
from postroom.ports.transit import Commit
from tests.support.builders import NOON, ORG, bounce, provider_call
from tests.support.sweeps import memory_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.parking.sweep import Sweep
    from postroom.ports.raw_mail import StoredRaw

HOUR = 3_600_000
DAY = 24 * HOUR
STORED = 3000
EVERY_MS = 900_000


@dataclass
class Clock:
    at: int = NOON

    def __call__(self) -> int:
        return self.at


@dataclass(slots=True)
class CountingRawMail(MemoryRawMail):
    """Counts how often each object is handed out."""

    handed: Counter[str] = field(default_factory=Counter)

    def stored(self, prefix: str, *, after: str = "") -> Iterator[StoredRaw]:
        for found in MemoryRawMail.stored(self, prefix, after=after):
            self.handed[found.key] += 1
            yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def archive(clock: Clock) -> CountingRawMail:
    return CountingRawMail("inbound-bucket", clock)


@pytest.fixture
def metrics() -> MemoryStackMetrics:
    return MemoryStackMetrics()


@pytest.fixture
def sweep(clock: Clock, archive: CountingRawMail, metrics: MemoryStackMetrics) -> Sweep:
    tables = MemoryTables()
    transit = MemoryTransit(tables, clock)
    things, ledger = MemoryParkedThings(tables, clock), MemoryLedger(tables)
    parking = Parking(things, ledger, transit, clock)
    return memory_sweep(tables, parking, MemoryQueues(), archive, clock, metrics=metrics)


def names(number: int) -> list[str]:
    """Return names of SES's kind, and a few of other kinds."""
    digits = string.digits + string.ascii_lowercase
    hashes = (hashlib.sha256(str(each).encode()).digest() for each in range(number))
    return ["-", "Z", "zzz", "~", "00", *("".join(digits[byte % 36] for byte in each) for each in hashes)]


def test_where_much_is_stored_every_object_is_read_once_a_day(
    monkeypatch: pytest.MonkeyPatch, sweep: Sweep, archive: CountingRawMail, clock: Clock
) -> None:
    monkeypatch.setattr(sweeping, "PAGE", 20)
    monkeypatch.setattr(sweeping, "LEAST_MESSAGES", 20)
    for name in names(STORED):
        archive.store(f"inbound/{name}", b"")
    clock.at += 10 * DAY  # too old for a read of its flow, or for parking
    for _ in range(ROUND_MS // EVERY_MS):
        assert sweep.run()["behind_s"] == 0
        clock.at += EVERY_MS
    assert set(archive.handed) == {f"inbound/{name}" for name in names(STORED)}
    assert archive.handed.total() < 1.1 * STORED


def test_a_sweep_that_runs_out_of_time_is_behind_until_the_next_ones_have_caught_up(
    monkeypatch: pytest.MonkeyPatch, sweep: Sweep, archive: CountingRawMail, clock: Clock, metrics: MemoryStackMetrics
) -> None:
    monkeypatch.setattr(sweeping, "PAGE", 20)
    monkeypatch.setattr(sweeping, "LEAST_MESSAGES", 20)
    for name in names(STORED):
        archive.store(f"inbound/{name}", b"")
    clock.at += 10 * DAY
    sweep.run()
    clock.at += 4 * HOUR
    left = iter([600_000] * 25)  # time for one page
    sweep.run(lambda: next(left, 0))
    behind = metrics.last(SWEEP_BEHIND)
    assert behind is not None
    assert 3 * 3600 < behind < 4 * 3600
    clock.at += EVERY_MS
    sweep.run()
    assert metrics.last(SWEEP_BEHIND) == 0


def test_a_sweep_whose_lists_fail_is_behind_though_it_ends(
    monkeypatch: pytest.MonkeyPatch, sweep: Sweep, clock: Clock, metrics: MemoryStackMetrics
) -> None:
    sweep.run()
    clock.at += 3 * HOUR

    def fails(*_: object, **__: object) -> None:
        raise StoreUnavailableError("could not list raw mail")

    monkeypatch.setattr(CountingRawMail, "stored", fails)
    with pytest.raises(StoreUnavailableError):
        sweep.run()
    assert metrics.last(SWEEP_BEHIND) == 3 * 3600


def test_a_page_that_stops_a_sweep_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, sweep: Sweep, archive: CountingRawMail, clock: Clock
) -> None:
    sweep.run()
    for name in names(100):
        archive.store(f"inbound/{name}", b"")

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    for after in (2 * HOUR, 6 * HOUR):
        clock.at += after
        with monkeypatch.context() as patched:
            patched.setattr(StoredObjects, "look", killed)
            with pytest.raises(KilledError):
                sweep.run()
    clock.at += HOUR
    assert sweep.run()["parked"] == len(names(100))


def test_if_few_objects_are_stored_every_sweep_reads_all(sweep: Sweep, archive: CountingRawMail, clock: Clock) -> None:
    for name in names(100):
        archive.store(f"inbound/{name}", b"")
    clock.at += 2 * HOUR
    assert sweep.run()["parked"] == len(names(100))


@pytest.mark.parametrize(
    ("age", "parked"), [(HOUR // 2, 0), (2 * HOUR, 1), (47 * HOUR, 1), (10 * DAY, 0), (31 * DAY, 1)]
)
def test_an_orphan_is_found_in_the_first_days_of_a_stack_or_before_it_is_removed(
    sweep: Sweep, archive: CountingRawMail, clock: Clock, age: int, parked: int
) -> None:
    archive.store("inbound/orphan", b"")
    clock.at += age
    assert sweep.run()["parked"] == parked
    assert list(archive.stored("inbound/"))


def test_a_providers_call_whose_function_stopped_is_ended_once(sweep: Sweep, clock: Clock) -> None:
    call = provider_call()
    sweep.transit.commit(Commit(orders=[call]))
    clock.at += HOUR
    sweep.run()
    assert sweep.transit.order(call.trace, call.key) == call
    clock.at += 1
    sweep.run()
    sweep.run()
    assert sweep.transit.order(call.trace, call.key) is None
    assert sweep.parking.ledger.facts(call.trace) == [call.stopped(clock.at)]
    assert list(sweep.parking.list()) == []


def test_an_export_may_be_open_for_days_and_a_message_for_hours(sweep: Sweep, clock: Clock) -> None:
    export = PlanExportOrder(trace="export:j", organization_id=ORG, job_id="j")
    sweep.transit.commit(Commit(orders=[export, bounce()]))
    for _ in range(2 * 24):
        clock.at += 2 * HOUR
        sweep.run(lambda: 60_000)
    assert [parked.key for parked in sweep.parking.list()] == [bounce().key]
    assert [entry.key for entry in sweep.transit.open_orders("export:j")] == ["plan-export"]


def test_every_sweep_counts_what_is_parked_for_the_alarm(
    sweep: Sweep, clock: Clock, metrics: MemoryStackMetrics
) -> None:
    sweep.run()
    order = bounce("ann@acme.test")
    sweep.transit.commit(Commit(orders=[order]))
    sweep.parking.park_order(order, "AccessDenied")
    sweep.parking.park_orphan("m1", "{}")
    sweep.run()
    for parked in [*sweep.parking.list()]:
        assert sweep.parking.discard(parked)
    clock.at += HOUR
    sweep.run()
    assert [values[PARKED_OPEN] for values in metrics.recorded if PARKED_OPEN in values] == [0, 2, 0]
