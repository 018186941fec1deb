"""One mailbox and many workers, in simulated time: `python -P busy_simulated.py` prints its figures as JSON.

The station, the loop over its batches and the stores in memory are those of the build whose packages are first on
PYTHONPATH; so one file measures this build and the one before. A worker is a thread, and one thread at a time runs.
Calls of stores take time of the simulation, and nothing else does. Two runs give the same figures.

A transaction that meets another one at the mailbox's head is refused, as DynamoDB does (TransactionConflict).
"""

from __future__ import annotations

import heapq
import io
import json
import random
import statistics
import sys
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from postroom.adapters.aws.attempts import Attempts
from postroom.adapters.aws.batches import SqsBatch
from postroom.errors import ConflictError
from tests.support.builders import notification
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORDERS: Final = 1_000
WORKERS: Final = 8
BATCH: Final = 10
"""Records of a batch. Source: template.yaml, DeliverFunction."""

READ, WRITE, GET, PUT, RECEIVE = 0.005, 0.012, 0.020, 0.030, 0.010
"""Seconds of a read and of a transaction of DynamoDB, of a GET and a PUT of S3, and of a receive. Ours; each call takes
between half and one and a half of it."""

VISIBILITY_S: Final = 360.0
"""Source: template.yaml, DeliverQueue."""

MESSAGE: Final = b"From: Bob <bob@example.org>\r\nSubject: plums\r\n\r\n" + b"ten plums\r\n" * 50


class Turns:
    """Simulated time for threads: the one whose time comes next runs, all others wait."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)  # noqa: S311  the same figures in each run
        self._waiting: list[tuple[float, int, threading.Semaphore]] = []
        self._count = 0

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass for the thread that runs."""
        mine = threading.Semaphore(0)
        self._push(self.now + seconds, mine)
        self._next()
        mine.acquire()

    def take(self, seconds: float) -> None:
        """Let a call take its time."""
        self.sleep(seconds * self.chance.uniform(0.5, 1.5))

    def run(self, work: Callable[[], None], workers: int) -> None:
        """Run workers until all have ended."""
        threads = [threading.Thread(target=self._one, args=(work, self._begun())) for _ in range(workers)]
        for thread in threads:
            thread.start()
        self._next()
        for thread in threads:
            thread.join()

    def _begun(self) -> threading.Semaphore:
        mine = threading.Semaphore(0)
        self._push(0.0, mine)
        return mine

    def _one(self, work: Callable[[], None], mine: threading.Semaphore) -> None:
        mine.acquire()
        try:
            work()
        finally:
            self._next()

    def _push(self, when: float, whose: threading.Semaphore) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (when, self._count, whose))

    def _next(self) -> None:
        if self._waiting:
            self.now, _, whose = heapq.heappop(self._waiting)
            whose.release()


@dataclass
class Slow:
    """A store whose calls take time; calls of other names take none."""

    store: Any
    turns: Turns
    times: dict[str, float]

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.store, name)
        if name not in self.times:
            return call

        def slow(*arguments: Any, **more: Any) -> Any:
            self.turns.take(self.times[name])
            return call(*arguments, **more)

        return slow


@dataclass
class SlowMailboxes:
    """Mailboxes whose transactions refuse those that begin before they have ended."""

    store: Any
    turns: Turns
    counts: Counter[str]
    busy: set[str] = field(default_factory=set)

    def head(self, mailbox_id: str) -> Any:
        """Take the time of a read."""
        self.turns.take(READ)
        return self.store.head(mailbox_id)

    def deliver(self, head: Any, *arguments: Any, **more: Any) -> Any:
        """Take the time of a transaction; it is refused if it meets another one, or the head has changed."""
        self.counts["transactions"] += 1
        if head.mailbox_id in self.busy:
            self.turns.take(WRITE)
            self.counts["conflicts"] += 1
            raise ConflictError("another transaction held the row")
        self.busy.add(head.mailbox_id)
        self.turns.take(WRITE)
        self.busy.discard(head.mailbox_id)
        try:
            return self.store.deliver(head, *arguments, **more)
        except ConflictError:
            self.counts["conflicts"] += 1
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@dataclass
class Queue:
    """A queue with a visibility timeout. Times are those of the simulation; ids are places.

    Attributes:
        interval: seconds from one message's arrival to the next; ``waits`` are from its arrival to its delivery.
    """

    turns: Turns
    bodies: list[str]
    interval: float = 0.0
    visible: dict[str, float] = field(default_factory=dict)
    receives: Counter[str] = field(default_factory=Counter)
    waits: dict[str, float] = field(default_factory=dict)
    ends: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.visible = {str(place): place * self.interval for place in range(len(self.bodies))}

    def receive(self) -> list[dict[str, Any]]:
        """Hide at most a batch of messages and return them as Lambda's records; the oldest come first."""
        due = [name for name, when in self.visible.items() if when <= self.turns.now][:BATCH]
        self.receives.update(due)
        self.visible.update(dict.fromkeys(due, self.turns.now + VISIBILITY_S))
        return [
            {
                "messageId": name,
                "receiptHandle": name,
                "body": self.bodies[int(name)],
                "eventSourceARN": "queue",
                "attributes": {"ApproximateReceiveCount": str(self.receives[name])},
            }
            for name in due
        ]

    def postpone(self, receipt: str, delay_s: int) -> None:
        """``Postponement``."""
        self.visible[receipt] = self.turns.now + delay_s

    def delete(self, names: set[str]) -> None:
        """Delete messages, whose wait is over."""
        for name in names:
            self.ends.append(self.turns.now)
            self.waits[name] = self.turns.now - int(name) * self.interval
            del self.visible[name]


class Counts:
    """``AttemptCounts`` in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Counter[str]] = defaultdict(Counter)

    def of(self, name: str) -> Attempts:
        """Return the counts of a message, those that this build knows."""
        return Attempts(**{each: self.rows[name][each] for each in Attempts._fields})

    def begin(self, name: str) -> None:
        """Count an attempt."""
        self.rows[name]["unanswered"] += 1

    def failed(self, name: str, *, begun: bool) -> Attempts:
        """Count a failure."""
        return self._answered(name, "failed", begun=begun)

    def conflict(self, name: str, *, begun: bool) -> None:
        """Count a lost race; the build before does not ask for it."""
        self._answered(name, "conflicts", begun=begun)

    def over(self, name: str) -> None:
        """Forget the counts of a message."""
        self.rows.pop(name, None)

    def _answered(self, name: str, what: str, *, begun: bool) -> Attempts:
        self.rows[name][what] += 1
        self.rows[name]["unanswered"] -= begun
        return self.of(name)


class NoMetrics:
    """``StackMetrics`` that drop what they get; the build before has none."""

    def record(self, _: Any) -> None:
        """Drop it."""


class DeadLetters(list[str]):
    """``SqsDeadLetters`` in memory."""

    def send(self, body: str, _: str) -> None:
        """Keep what is given up."""
        self.append(body)


def orders(system: MemoryMailSystem, number: int) -> Iterator[str]:
    """Let messages for Ann arrive; yield their orders."""
    for name in range(number):
        system.raw.store(f"inbound/m{name}", MESSAGE)
        system.ingest.accept(notification(f"m{name}", ["ann@acme.test"]))
        yield system.queues.queues["deliver"].pop()


def measure(workers: int = WORKERS, number: int = ORDERS, interval_ms: int = 0, seed: int = 1) -> dict[str, float]:
    """Deliver orders that all wait at the beginning, or come one after the other.

    Returns:
        ``rate``: messages per second until nine of ten are delivered; ``median`` and ``longest``: seconds from a
        message's arrival to its delivery; ``parked``, ``conflicts`` and ``transactions``: numbers.
    """
    system, turns, counts, dead = MemoryMailSystem(), Turns(seed), Counter[str](), DeadLetters()
    system.user("ann")
    queue = Queue(turns, list(orders(system, number)), interval_ms / 1000)
    station = replace(
        system.deliver,
        owners=Slow(system.directory, turns, {"owner": READ}),
        raw=Slow(system.raw, turns, {"read": GET}),
        sealed=Slow(system.sealed, turns, {"put_once": PUT}),
        mailboxes=SlowMailboxes(system.mailboxes, turns, counts),
        pause=lambda attempt: turns.sleep(turns.chance.uniform(0, 0.005 * 2 ** min(attempt, 6))),
    )
    parts: dict[str, Any] = {
        "logger": Logger(service="busy", stream=io.StringIO()),
        "attempts": Counts(),
        "metrics": NoMetrics(),
        "dead_letters": dead,
        "postponement": queue,
        "choose": turns.chance.choice,
    }
    known = {each.name for each in fields(SqsBatch)}
    batch = SqsBatch(
        **{name: part for name, part in parts.items() if name in known},
    )
    more = [station.together] if hasattr(station, "together") else []

    def work() -> None:
        while queue.visible:
            records = queue.receive()
            turns.take(RECEIVE)
            if not records:
                turns.take(0.1)
                continue
            answer = batch.process(
                {"Records": records}, lambda record: station.accept(record.body), lambda: 60_000, *more
            )
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            queue.delete({record["messageId"] for record in records} - failed)

    turns.run(work, workers)
    if len(system.mailboxes.items("ann", "INBOX", limit=10 * number)) != number - len(dead):
        raise RuntimeError("a message was lost or delivered twice")
    waits = sorted(queue.waits.values())
    return {
        "rate": 0.9 * number / queue.ends[int(0.9 * number) - 1],
        "median": statistics.median(waits),
        "longest": waits[-1],
        "parked": len(dead),
        **counts,
    }


if __name__ == "__main__":
    json.dump(measure(*map(int, sys.argv[1:])), sys.stdout)
