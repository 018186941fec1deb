"""The messages of one standard SQS queue: every operation costs O(log n), however many messages are there.

moto walks all messages for each send, receive, delete and change of visibility, and does not know fair queues.
"""

from __future__ import annotations

import base64
import binascii
import copy
import heapq
import itertools
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from moto.sqs.exceptions import ReceiptHandleIsInvalid, SQSException

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.sqs.models import Message, Queue

MAX_VISIBILITY_SECONDS: Final = 43_200
"""Longest time a message may stay invisible after it was received, in seconds. Source: API reference."""


class NotChangeableError(ReceiptHandleIsInvalid):  # type: ignore[misc]
    """The visibility of a message that is gone or not in flight cannot be changed."""

    def __init__(self, code: str, message: str) -> None:
        SQSException.__init__(self, code, message)


class StandardQueue:
    """Messages by id, each in one of two places: a heap of those that may be received later, or one of its group's.

    Of the groups that have messages to give, that with the fewest in flight is next, with its oldest; among equals
    the oldest message is. A message without a group is a group of its own: it holds back none and is never held back.
    Source: SQS Developer Guide, "How Amazon SQS fair queues work". Ours: SQS does so only for groups that have more
    than a tenth of what is in flight and at least 30 messages there, or take more than a tenth of the consumers' time;
    a laptop's few workers never get to 30.

    Heaps may contain outdated entries: that of a message counts only if its time is the present one (``_due``), that of
    a group only if its message and count are the present ones. All methods may be called from any thread.
    """

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._clock = clock
        self._changed = threading.Condition()
        self._messages: dict[str, Message] = {}
        self._due: dict[str, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._ready: dict[str, list[tuple[float, int, str]]] = {}
        self._turns: list[tuple[int, tuple[float, int, str], str]] = []
        self._flying: dict[str, str] = {}
        self._in_flight: Counter[str] = Counter()
        self._order = itertools.count()

    def send(self, message: Message) -> None:
        """Add a message, also one that comes from another queue; it is due when its delay is over."""
        with self._changed:
            self._messages[message.id] = message
            self._schedule(message, max(message.delayed_until / 1000, self._clock()))
            self._changed.notify_all()

    def receive(self, count: int, wait_seconds: float, visibility_seconds: int) -> list[Message]:
        """Return up to ``count`` messages, as copies; wait for the first one if there is none.

        Messages received often enough already go to the dead-letter queue instead; those older than the queue's
        retention period are dropped.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            with self._changed:
                received, dead = self._take(count, visibility_seconds)
                left = deadline - time.monotonic()
                if not received and not dead and left > 0:
                    self._changed.wait(min(left, self._until_next()))
            for message in dead:
                store_of(self._queue.dead_letter_queue).send(message)
            if received or left <= 0:
                return received

    def delete(self, handle: str) -> None:
        """Delete the message if the handle is its latest; an older one succeeds and deletes nothing.

        Source: API reference, DeleteMessage. moto deletes with any handle the message ever had.
        """
        with self._changed:
            message = self._messages.get(self._message_id(handle))
            if message is not None and message.receipt_handle == handle:
                self._forget(message.id)

    def change_visibility(self, handle: str, seconds: int) -> None:
        """Let a message in flight be due in so many seconds."""
        with self._changed:
            message = self._messages.get(self._message_id(handle))
            if message is None or message.receipt_handle != handle:
                raise NotChangeableError(
                    "InvalidParameterValue",
                    f"Value {handle} for parameter ReceiptHandle is invalid. "
                    "Reason: Message does not exist or is not available for visibility timeout change.",
                )
            now = self._clock()
            if self._due[message.id][0] <= now:
                raise NotChangeableError(
                    "AWS.SimpleQueueService.MessageNotInflight", "The message referred to is not in flight."
                )
            if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
                raise SQSException(
                    "InvalidParameterValue",
                    f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and "
                    f"{MAX_VISIBILITY_SECONDS}.",
                )
            message.visible_at = (now + seconds) * 1000
            self._schedule(message, now + seconds)
            self._changed.notify_all()

    def purge(self) -> None:
        """Forget every message."""
        with self._changed:
            self._messages.clear()
            self._due.clear()
            self._heap.clear()
            self._ready.clear()
            self._turns.clear()
            self._flying.clear()
            self._in_flight.clear()

    def counts(self) -> tuple[int, int, int]:
        """Return how many messages may be received, are delayed, and are in flight."""
        with self._changed:
            now = self._clock()
            waiting = [self._messages[message_id] for message_id, (due, _) in self._due.items() if due > now]
            delayed = sum(1 for message in waiting if not message.approximate_receive_count)
            return len(self._messages) - len(waiting), delayed, len(waiting) - delayed

    def _take(self, count: int, visibility_seconds: int) -> tuple[list[Message], list[Message]]:
        """Return the messages that are received now, and those that go to the dead-letter queue."""
        now = self._clock()
        policy = self._queue.redrive_policy if self._queue.dead_letter_queue is not None else None
        oldest = (now - self._queue.message_retention_period) * 1000
        received: list[Message] = []
        dead: list[Message] = []
        self._come_due(now)
        while len(received) < count and (message := self._next()) is not None:
            if message.sent_timestamp <= oldest:
                self._forget(message.id)
            elif policy and message.approximate_receive_count >= policy["maxReceiveCount"]:
                self._forget(message.id)
                dead.append(message)
            else:
                received.append(self._hand_out(message, now, visibility_seconds))
        return received, dead

    def _come_due(self, now: float) -> None:
        """Put what may be received from now on to the others of its group."""
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            message_id = entry[2]
            if self._due.get(message_id) == entry[:2]:
                self._land(message_id)
                group = _group(self._messages[message_id])
                heapq.heappush(self._ready.setdefault(group, []), entry)
                self._offer(group)

    def _next(self) -> Message | None:
        """Return the next message; the caller removes it or hands it out."""
        while self._turns:
            turn = heapq.heappop(self._turns)
            group = turn[2]
            if turn == self._turn(group):
                message = self._messages[heapq.heappop(self._ready[group])[2]]
                self._offer(group)
                return message
        return None

    def _turn(self, group: str) -> tuple[int, tuple[float, int, str], str] | None:
        """Return what a group may give now, in the order of turns; ``None`` if that is nothing."""
        ready = self._ready.get(group, [])
        while ready and self._due.get(ready[0][2]) != ready[0][:2]:
            heapq.heappop(ready)
        if not ready:
            self._ready.pop(group, None)
            return None
        return self._in_flight[group], ready[0], group

    def _offer(self, group: str) -> None:
        """Update the place of a group after any change of its messages or of what it has in flight."""
        turn = self._turn(group)
        if turn is not None:
            heapq.heappush(self._turns, turn)

    def _land(self, message_id: str) -> None:
        """Count a message in flight no more, if it was."""
        group = self._flying.pop(message_id, None)
        if group:
            self._in_flight[group] -= 1
            if not self._in_flight[group]:
                del self._in_flight[group]
            self._offer(group)

    def _hand_out(self, message: Message, now: float, visibility_seconds: int) -> Message:
        message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp or int(now * 1000)
        message.approximate_receive_count += 1
        parts = (self._queue.name, message.id, str(message.approximate_receive_count))
        message.receipt_handle = base64.urlsafe_b64encode("|".join(parts).encode()).decode()
        message.visible_at = (now + visibility_seconds) * 1000
        self._schedule(message, now + visibility_seconds)
        group = _group(message)
        if group:
            self._flying[message.id] = group
            self._in_flight[group] += 1
            self._offer(group)
        return copy.copy(message)

    def _schedule(self, message: Message, due: float) -> None:
        entry = (due, next(self._order))
        self._due[message.id] = entry
        heapq.heappush(self._heap, (*entry, message.id))

    def _forget(self, message_id: str) -> None:
        del self._due[message_id]
        self._land(message_id)
        self._offer(_group(self._messages.pop(message_id)))

    def _until_next(self) -> float:
        """Return how long until some message may be due, in seconds."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return max(self._heap[0][0] - self._clock(), 0.001) if self._heap else float("inf")

    def _message_id(self, handle: str) -> str:
        """Return the id of the message that a handle is about; the message may be gone."""
        try:
            name, message_id, _ = base64.urlsafe_b64decode(handle.encode()).decode().split("|")
        except (binascii.Error, ValueError) as error:
            raise ReceiptHandleIsInvalid from error
        if name != self._queue.name:
            raise ReceiptHandleIsInvalid
        return message_id


def _group(message: Message) -> str:
    """Return a message's group; those without one share a name under which nothing is counted as in flight."""
    return message.group_id or ""


ATTRIBUTE: Final = "postroom_messages"
"""Where a queue of moto's keeps its StandardQueue."""

_ATTACHING: Final = threading.Lock()


def store_of(queue: Queue) -> StandardQueue:
    """Return the messages of one of moto's queues, so that they live and end with it."""
    store: StandardQueue | None = queue.__dict__.get(ATTRIBUTE)
    if store is None:
        with _ATTACHING:
            store = queue.__dict__.setdefault(ATTRIBUTE, StandardQueue(queue))
    return store
