"""A station that stops at any call, and two attempts at once, leave one right archive and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.errors import TemporaryError
from postroom.model.jobs import JobState
from postroom.model.records import Remove
from tests.support.calls import Calls
from tests.support.exports import NOISE, ExportSystem, check, tiny_parts

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopped(Exception):  # noqa: N818 - no error of ours: the process is gone
    """The function was stopped."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_parts(monkeypatch)


def a_system(calls: Calls) -> ExportSystem:
    """Return an export that begins: two runs, of which one is too short for a part."""
    system = ExportSystem(around=calls.around)
    for place in range(3):
        system.put(NOISE[place:])
    system.put(b"text " * (len(NOISE) // 5))
    system.start()
    return system


def stop() -> None:
    raise Stopped


def carry_on(system: ExportSystem) -> None:
    """Let the stations work; a message whose function stops comes again. The sweep is not needed."""
    for station, body in system.waiting():
        try:
            system.accept(station, body)
        except (Stopped, TemporaryError):
            system.queues.queues[station].append(body)


def calls_of_a_whole_export() -> list[str]:
    calls = Calls()
    system = a_system(calls)
    system.run()
    check(system)
    return calls.names


def test_a_stop_at_any_call_is_made_good() -> None:
    names = calls_of_a_whole_export()
    assert len(names) > 60
    for at in range(len(names)):
        for after in (False, True):
            system = a_system(Calls(at, after, stop))
            carry_on(system)
            check(system)


def test_an_export_that_is_cancelled_at_any_call_leaves_nothing() -> None:
    for at in range(len(calls_of_a_whole_export())):
        calls = Calls(at)
        system = a_system(calls)
        cancelled: list[bool] = []

        def cancel(system: ExportSystem = system, cancelled: list[bool] = cancelled) -> None:
            cancelled.append(system.cancel())

        calls.do = cancel
        carry_on(system)
        if cancelled == [True]:
            assert system.job.state is JobState.CANCELLED
            assert system.uploads.objects == {}
            assert system.left_over() == []
        else:
            check(system)


@settings(max_examples=200, deadline=None)
@given(cancelled=st.integers(0, 110), stopped=st.integers(0, 110), after=st.booleans())
def test_a_stop_beside_a_cancellation_leaves_an_archive_or_nothing(cancelled: int, stopped: int, after: bool) -> None:
    calls, stops = Calls(cancelled), Calls(stopped, after, stop)
    system = a_system(calls)
    system.around = lambda port, behind: stops.around(port, calls.around(port, behind))

    def cancel() -> None:
        system.cancel()

    calls.do = cancel
    carry_on(system)
    if system.job.state is JobState.CANCELLED:
        assert system.uploads.objects == {}
        assert system.left_over() == []
    else:
        check(system)


@pytest.mark.parametrize("after", [False, True])
def test_an_organization_that_is_deleted_after_a_stop_at_any_call_leaves_nothing(after: bool) -> None:
    for at in range(len(calls_of_a_whole_export())):
        system = a_system(Calls(at, after, stop))
        for station, body in system.waiting():
            try:
                system.accept(station, body)
            except Stopped:
                system.queues.queues[station].append(body)
                system.owners.active = False
                system.directory.commit([Remove(system.job)])  # as its deletion does, before it sends open orders
        if system.owners.active:
            check(system)
        elif not system.uploads.objects:
            assert system.left_over() == []
        else:
            assert [left for left in system.left_over() if not left.startswith("row ")] == []


def test_a_second_attempt_in_the_middle_of_the_first_changes_nothing() -> None:
    """Every message comes twice; the second attempt runs wholly between two calls of the first."""
    names = calls_of_a_whole_export()
    for at in range(len(names)):
        calls = Calls(at)
        system = a_system(calls)
        current: list[tuple[str, str]] = []

        def again(system: ExportSystem = system, current: list[tuple[str, str]] = current) -> None:
            system.accept(*current[0])

        calls.do = again
        for message in system.waiting():
            current[:] = [message]
            try:
                system.accept(*message)
            except TemporaryError:
                system.queues.queues[message[0]].append(message[1])
        check(system)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_messages_in_any_order_twice_and_with_stops(data: st.DataObject) -> None:
    calls = Calls()
    system = a_system(calls)
    stops = iter(data.draw(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=6)))

    def plan_a_stop() -> None:
        step, after = next(stops, (-1, False))
        calls.at, calls.after, calls.do = (calls.count + step if step >= 0 else -1), after, stop

    old: list[tuple[str, str]] = []
    for message in _in_any_order(system, data):
        old.append(message)
        station, body = message
        if data.draw(st.booleans()):
            station, body = data.draw(st.sampled_from(old))
            system.queues.queues[message[0]].append(message[1])
        plan_a_stop()
        try:
            system.accept(station, body)
        except (Stopped, TemporaryError):
            system.queues.queues[station].append(body)
        if len(old) > 40:
            break
    calls.at = -1
    carry_on(system)
    check(system)


def _in_any_order(system: ExportSystem, data: st.DataObject) -> Iterator[tuple[str, str]]:
    while ready := [name for name, queue in system.queues.queues.items() if queue]:
        name = data.draw(st.sampled_from(ready))
        queue = system.queues.queues[name]
        queue.rotate(-data.draw(st.integers(0, len(queue) - 1)))
        yield name, queue.popleft()


def test_parts_of_another_attempt_are_packed_anew() -> None:
    """An item vanishes between two attempts at a run at once, so that their bytes differ."""
    calls = Calls()
    system = a_system(calls)
    token = next(iter(system.contents))
    names = calls_of_a_whole_export()
    calls.at = names.index("staging.put", names.index("uploads.put_part"))

    def vanish() -> None:
        system.sealed.delete(f"mail/{system.job.organization_id}/ann/{token}")
        system.contents.pop(token, None)
        body = next(body for body in orders if '"run":0' in body)
        system.accept("pack_export", body)

    orders: list[str] = []
    calls.do = vanish
    for station, body in system.waiting():
        if station == "pack_export":
            orders.append(body)
        system.accept(station, body)
    check(system, missing=1)
    assert system.job.round == 1


@pytest.mark.parametrize("reads", range(1, 7))
def test_a_late_attempt_that_ends_while_the_archive_is_completed(reads: int) -> None:
    """The late attempt has read an item that was removed before the other one."""
    late = LateAttempt(reads)
    system = ExportSystem(around=late.around)
    tokens = [system.put(b"one"), system.put(b"two")]
    system.start()
    for station, body in system.waiting():
        if station == "pack_export" and late.caught is None:
            with pytest.raises(Stopped):
                system.accept(station, body)
            system.sealed.delete(f"mail/{system.job.organization_id}/ann/{tokens[0]}")
        try:
            system.accept(station, body)
        except TemporaryError:
            system.accept(station, body)
    if late.reads < reads:  # it ended too late to be read
        del system.contents[tokens[0]]
    check(system, missing=int(late.reads < reads))


@dataclass
class LateAttempt:
    """Holds the packed run of the first attempt back, until what was staged is read so many times."""

    at: int
    reads: int = 0
    caught: tuple[str, bytes] | None = None

    def around(self, port: str, behind: Any) -> Any:
        late = self

        class Staging:
            def __getattr__(self, name: str) -> Any:
                return getattr(behind, name)

            def put(self, key: str, sealed: bytes) -> None:
                if late.caught is None and key.endswith("/0/0"):
                    late.caught = (key, sealed)
                    raise Stopped
                behind.put(key, sealed)

            def in_order(self, keys: Any) -> Any:
                late.reads += 1
                if late.reads == late.at and late.caught:
                    behind.put(*late.caught)
                return behind.in_order(keys)

        return Staging() if port == "staging" else behind
