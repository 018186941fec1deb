"""The station of import jobs: in one run or several, stopped anywhere, cancelled, refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.contracts.import_orders import end_of_import
from postroom.errors import StoreUnavailableError
from postroom.imports import import_mailbox
from postroom.model.imports import ImportCounts
from postroom.model.jobs import JobState
from postroom.model.records import Replace
from postroom.parking.redrive import Redriving
from tests.support.builders import ORG
from tests.support.import_jobs import BUCKET, JOB, PATH, ImportSystem, archive, messages
from tests.support.importing import each_call

if TYPE_CHECKING:
    from collections.abc import Callable


def contents(system: ImportSystem) -> Counter[bytes]:
    return Counter(system.content(item) for item in system.items())


def in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.imports.importing.MAX_ADDED", 2)


def test_an_archive_enters_a_mailbox() -> None:
    system, entries = ImportSystem(), messages(5)
    system.start(archive({**entries, "notes.txt": b"no mail"}))
    assert system.run() == 1
    job = system.job
    assert (job.state, job.progress, job.counts) == (JobState.COMPLETED, 100, ImportCounts(5, 0, 1))
    assert (job.error_info, job.ended) == (None, system.clock)
    assert contents(system) == Counter(entries.values())
    assert not system.is_open
    system.check()


def test_an_order_comes_twice_or_without_a_job() -> None:
    system = ImportSystem()
    system.start(archive(messages(2)))
    system.accept(system.order.message)
    assert system.run() == 1
    assert system.job.counts == ImportCounts(2, 0, 0)
    other = replace_job(system, "22222222-2222-3333-4444-555555555555")
    system.accept(other)
    assert len(system.items()) == 2


def replace_job(system: ImportSystem, job_id: str) -> str:
    return system.order.model_copy(update={"job_id": job_id, "trace": f"import:{job_id}"}).message


def test_an_import_goes_on_in_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_batches(monkeypatch)
    system, entries = ImportSystem(), messages(9)
    system.start(archive(entries))
    runs = 0
    while waiting := system.queues.queues["import_mailbox"]:
        left = count(import_mailbox.LEFT_MS + 4 + 2 * runs, -1)
        system.accept(waiting.popleft(), lambda left=left: next(left))  # type: ignore[misc]
        runs += 1
    assert runs > 2
    assert (system.job.state, system.job.counts) == (JobState.COMPLETED, ImportCounts(9, 0, 0))
    assert contents(system) == Counter(entries.values())


def test_an_archive_that_no_run_gets_further_with_fails() -> None:
    system = ImportSystem()
    system.start(archive(messages(3)))
    assert system.run(lambda: import_mailbox.LEFT_MS - 1) == 1
    assert (system.job.state, system.job.error_info) == (JobState.FAILED, import_mailbox.TOO_SLOW)
    assert not system.is_open


def test_a_run_leaves_a_job_alone_that_another_works_on() -> None:
    system = ImportSystem()
    job = system.start(archive(messages(3)))
    system.directory.commit([Replace(replace(job, busy_until=system.clock + 1))])
    system.run()
    assert (system.items(), system.job.state, system.is_open) == ([], JobState.RUNNING, True)
    system.clock += 1
    system.accept(system.order.message)
    assert system.job.state is JobState.COMPLETED


def test_a_message_that_comes_again_takes_over_from_the_run_that_had_it() -> None:
    system = ImportSystem()
    job = system.start(archive(messages(3)))
    system.directory.commit([Replace(replace(job, busy_until=system.clock + 1))])
    system.accept(system.order.message, comes_again=True)
    assert system.job.state is JobState.COMPLETED


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"PK", "archive"), (archive({"../a.eml": b"x"}), ""), (archive(messages(3))[:-30], "")],
)
def test_an_archive_that_is_refused_fails_with_the_reason(content: bytes, said: str) -> None:
    system = ImportSystem()
    system.start(content)
    system.run()
    assert system.job.state is JobState.FAILED
    assert system.job.error_info
    assert said in system.job.error_info
    assert (system.items(), system.is_open) == ([], False)


def test_an_object_that_was_changed_is_refused() -> None:
    system = ImportSystem()
    system.start(archive(messages(3)))
    system.sources.objects[BUCKET, PATH] = archive(messages(4))
    system.run()
    assert (system.job.state, system.items()) == (JobState.FAILED, [])
    assert "changed" in str(system.job.error_info)


def test_a_full_mailbox_keeps_what_has_entered_and_a_new_job_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_batches(monkeypatch)
    system, entries = ImportSystem(), messages(6)
    sizes = sum(map(len, list(entries.values())[:3]))
    system.mailboxes.set_quota("ann", sizes)
    job = system.start(archive(entries))
    system.run()
    assert system.job.state is JobState.FAILED
    assert "full" in str(system.job.error_info)
    assert (len(system.items()), system.job.counts.entered) == (3, 3)
    system.mailboxes.set_quota("ann", 1 << 30)
    system.directory.commit([Replace(replace(job, version=system.job.version))])
    system.accept(system.order.message)
    assert (system.job.state, system.job.counts) == (JobState.COMPLETED, ImportCounts(3, 3, 0))
    assert contents(system) == Counter(entries.values())


def test_a_cancelled_job_stops_and_keeps_what_has_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_batches(monkeypatch)
    system = ImportSystem(step_ms=import_mailbox.NOTE_MS // 2)
    system.start(archive(messages(20)))
    looks = count()

    def cancel(_: str) -> None:
        if len(system.items()) >= 4 and next(looks) == 0:
            system.directory.commit([Replace(system.job.end(JobState.CANCELLED, system.clock))])

    system.around = lambda name, port: each_call(port, cancel, lambda _: None) if name == "owners" else port
    system.run()
    assert system.job.state is JobState.CANCELLED
    assert 4 <= len(system.items()) < 20
    assert not system.is_open


@pytest.mark.parametrize("gone", ["owner", "mailbox"])
def test_a_deleted_owner_or_mailbox_ends_the_job(gone: str) -> None:
    system = ImportSystem()
    system.start(archive(messages(3)))
    system.around = lambda name, port: (
        Nothing(port) if name == {"owner": "owners", "mailbox": "mailboxes"}[gone] else port
    )
    system.run()
    assert (system.job.state, system.is_open) == (JobState.FAILED, False)
    assert "deleted" in str(system.job.error_info) or "removed" in str(system.job.error_info)


class Nothing:
    """A port in which there is no mailbox."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return (lambda *_: None) if name in {"owner", "head"} else getattr(self._port, name)


def test_an_order_that_is_given_up_ends_the_job() -> None:
    system = ImportSystem()
    system.start(archive(messages(3)))
    system.accept(end_of_import(system.order.trace, ORG, JOB, "StoreUnavailableError: no answer").message)
    assert (system.job.state, system.job.error_info) == (JobState.FAILED, "StoreUnavailableError: no answer")
    system.run()
    assert (system.items(), system.is_open) == ([], False)


def test_a_job_whose_parked_order_is_discarded_fails_with_the_cause() -> None:
    system = ImportSystem()
    system.start(archive(messages(3)))
    system.queues.queues["import_mailbox"].clear()
    things = MemoryParkedThings(system.tables, system.tick)
    ledger = MemoryLedger(system.tables)
    parking = Redriving(things, ledger, system.transit, system.tick, system.queues)
    parking.park_order(system.order, "StoreUnavailableError: no answer")
    (parked,) = things.list()
    assert parking.discard(parked)
    system.run()
    assert (system.job.state, system.job.error_info) == (JobState.FAILED, "StoreUnavailableError: no answer")
    assert (system.items(), list(system.transit.open_orders(system.order.trace))) == ([], [])


class _StoppedError(BaseException):
    """The function is gone."""


@pytest.mark.parametrize("error", [_StoppedError, StoreUnavailableError])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_run_may_stop_anywhere(monkeypatch: pytest.MonkeyPatch, error: Any, is_after: bool) -> None:
    """The message comes again; every item enters once, and the order goes."""
    in_small_batches(monkeypatch)
    entries, stopped = messages(5), True
    for stop in count():
        system, calls = ImportSystem(), count()
        system.start(archive(entries))

        def at(_: str, calls: Any = calls, stop: int = stop) -> None:
            if next(calls) == stop:
                raise error("stopped")

        silent: Callable[[str], None] = lambda _: None  # noqa: E731 - one of two
        before, after = (silent, at) if is_after else (at, silent)
        system.around = lambda _, port, before=before, after=after: each_call(port, before, after)  # type: ignore[misc]
        body = system.queues.queues["import_mailbox"].popleft()
        try:
            system.accept(body)
            stopped = False
        except (_StoppedError, StoreUnavailableError):
            stopped = True
        system.around = lambda _, port: port
        if stopped:
            system.accept(body, comes_again=True)
        system.run()
        assert (system.job.state, system.is_open) == (JobState.COMPLETED, False), stop
        assert contents(system) == Counter(entries.values()), stop
        assert system.job.counts.entered + system.job.counts.known == 5
        if next(calls) <= stop:
            break
    assert stop > 8
