"""Writes messages of audit records to every delivery that has their log type, or to the one that a retry names."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from postroom.audit.outlets import api_trail_outlet, outlet_of
from postroom.contracts.audit_log import API_CALL
from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import messages
from postroom.errors import PostroomError, StoreUnavailableError
from postroom.model.limits import HAND_OVER_RESERVE_MS
from postroom.model.log_lines import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from postroom.audit.outlets import Outlet
    from postroom.contracts.audit_log import AuditRecord
    from postroom.model.audit_deliveries import DestinationKind
    from postroom.ports.audit_deliveries import AuditDeliveries
    from postroom.ports.audit_destinations import ApiTrail, AuditDeadLetters, AuditDestination
    from postroom.ports.queues import Queues
    from postroom.ports.retried import Postponement, Retried

FIRST_RETRY_SECONDS: Final = 60
"""Time between the refusal of records and their first retry, in seconds. Ours, as for event logs."""

RETRY_SCHEDULE_SECONDS: Final = (300, 1_800, 7_200, 14_400)
"""Time after the first, second … failed retry, in seconds; the last value holds for all further ones. With the queue's
five attempts a customer has about six and a half hours to repair a destination before its records are parked. Ours."""

LAST_RECEIVE: Final = 1 + len(RETRY_SCHEDULE_SECONDS)
"""The receive of a retry after whose refusal its records are parked, with the cause: SQS, which would park the message
at the next one, knows none. The queue's maxReceiveCount."""

THREADS: Final = 8
"""Most deliveries that are written at once. Ours: a call takes some 50 ms, and a batch may have a thousand deliveries;
the clients keep ten connections each."""

IN_TURN: Final = 4
"""Most deliveries of a batch that are written one after the other. Ours: most batches have so few."""

SLOW_MS: Final = 5_000
"""Time of one delivery after which the rest of a batch is written by ``THREADS``, in milliseconds. Ours: one after the
other, destinations that do not answer would take the time of the others, again at each retry."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a batch of messages.

    Attributes:
        written: how many records each delivery took.
        refused: how many records each delivery refused, by cause.
        withdrawn: how many records were for a delivery that no longer exists.
        failed: ids of the messages that must come again, in the order of the batch.
    """

    written: Mapping[str, int]
    refused: Mapping[tuple[str, str], int]
    withdrawn: int
    failed: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Counts and causes for an operational log, without content of records."""
        return {
            "written": dict(self.written),
            "refused": [
                {"delivery": delivery, "cause": cause, "records": count}
                for (delivery, cause), count in self.refused.items()
            ],
            "withdrawn": self.withdrawn,
            "failed": len(self.failed),
        }


@dataclass(slots=True)
class _Share:
    """The records of one organization for one delivery, and the messages that brought them."""

    organization_id: str
    outlet: Outlet
    records: dict[str, AuditRecord] = field(default_factory=dict)
    messages: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, message_id: str, records: Iterable[AuditRecord]) -> None:
        for record in records:
            self.records[record.id] = record
            self.messages[message_id].add(record.id)


@dataclass(slots=True)
class _Work:
    """What is found out about one batch."""

    read: dict[str, AuditRecords] = field(default_factory=dict)
    last: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    written: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class WriteAuditLog:
    """Writes one batch of messages.

    Attributes:
        queues: takes messages for one delivery alone.
        dead_letters: takes what no retry can write.
        postponement: delays messages of the retry queue.
        first_retry_s: from a refusal to the first retry.
        schedule_s: ``RETRY_SCHEDULE_SECONDS``, divided by the speed of the stack.
    """

    deliveries: AuditDeliveries
    destinations: Mapping[DestinationKind, AuditDestination]
    api_trail: ApiTrail
    queues: Queues
    dead_letters: AuditDeadLetters
    postponement: Postponement
    first_retry_s: int = FIRST_RETRY_SECONDS
    schedule_s: Sequence[int] = RETRY_SCHEDULE_SECONDS

    def accept(self, batch: Sequence[Retried], remaining_ms: Callable[[], int]) -> Outcome:
        """Write the records of a batch. A destination that refuses does not stop others.

        A message fails if it cannot be read, if its organization's deliveries cannot be read in time, or if what a
        delivery refused could be sent neither to the retry queue nor to the dead letters. A retry fails also if its
        delivery refused all of it; it is postponed then. What the last retry cannot write goes to the dead letters with
        its cause; where that fails, the queue ends the retries.
        """
        work = _Work()
        for message in batch:
            try:
                work.read[message.id] = AuditRecords.read(message.body)
            except PostroomError:
                work.failed.add(message.id)
            if message.receives >= LAST_RECEIVE:
                work.last.add(message.id)
        for share, refused in _written(self._shares(work, remaining_ms), remaining_ms):
            work.written[share.outlet.id] += len(share.records) - len(refused)
            work.refused.update((share.outlet.id, refusal.cause) for refusal in refused.values())
            if refused:
                self._hand_over(share, refused, work)
        failed = [message for message in batch if message.id in work.failed]
        self._postpone([message for message in failed if message.id in work.read and work.read[message.id].delivery_id])
        return Outcome(work.written, work.refused, work.withdrawn, tuple(message.id for message in failed))

    def _shares(self, work: _Work, remaining_ms: Callable[[], int]) -> list[_Share]:
        """Divide the records by organization and delivery. A directory that hangs may take part of the time only."""
        shares: dict[tuple[str, str], _Share] = {}
        hangs = False
        for message_id, message in work.read.items():
            if hangs:
                work.failed.add(message_id)
                continue
            try:
                outlets = self._outlets(message)
            except StoreUnavailableError:
                work.failed.add(message_id)
                hangs = remaining_ms() < HAND_OVER_RESERVE_MS
                continue
            if message.delivery_id and not outlets:
                work.withdrawn += len(message.records)
            for outlet, records in outlets:
                at = (message.organization_id, outlet.id)
                shares.setdefault(at, _Share(message.organization_id, outlet)).add(message_id, records)
        return list(shares.values())

    def _outlets(self, message: AuditRecords) -> list[tuple[Outlet, Sequence[AuditRecord]]]:
        """Return where records of a message go; none if there is no delivery, or the one it names no longer exists."""
        calls = [record for record in message.records if record.type == API_CALL]
        found: list[tuple[Outlet, Sequence[AuditRecord]]] = []
        if calls:
            found.append((api_trail_outlet(self.api_trail), calls))
        if len(calls) == len(message.records):
            return found
        for delivery in self.deliveries.of(message.organization_id):
            records = [record for record in message.records if record.type == delivery.log_type]
            if records and message.delivery_id in {"", delivery.id}:
                found.append((outlet_of(delivery, self.destinations), records))
        return found

    def _hand_over(self, share: _Share, refused: Mapping[str, Refusal], work: _Work) -> None:
        """See that what was not written comes again for this delivery alone, or is parked."""
        final = {record_id for record_id, refusal in refused.items() if refusal.final}
        whole = self._whole(share, refused.keys() - final, work)
        final |= set().union(*(share.messages[message_id] for message_id in whole & work.last))
        if final and not self._give_up(share, {each: refused[each].cause for each in share.records if each in final}):
            self._fail(share, final, work)
        waiting = refused.keys() - final
        whole -= work.last
        work.failed |= whole
        kept: set[str] = set().union(*(share.messages[message_id] for message_id in whole))
        again = waiting - kept
        if again and not self._send_again(share, again):
            self._fail(share, again, work)

    @staticmethod
    def _whole(share: _Share, refused: AbstractSet[str], work: _Work) -> set[str]:
        """Return the retries all of whose records were refused, and may be taken later."""
        return {
            message_id
            for message_id, ids in share.messages.items()
            if work.read[message_id].delivery_id and ids <= refused
        }

    def _send_again(self, share: _Share, ids: set[str]) -> bool:
        records = [share.records[each] for each in share.records if each in ids]
        try:
            for message in messages(records, share.outlet.id):  # one per call: ten are more than a call may have
                self.queues.send([message], delay_s=self.first_retry_s)
        except StoreUnavailableError:
            return False
        return True

    def _give_up(self, share: _Share, causes: Mapping[str, str]) -> bool:
        """Send what can never be written to the dead letters, by cause."""
        by_cause: dict[str, list[AuditRecord]] = defaultdict(list)
        for record_id, cause in causes.items():
            by_cause[cause].append(share.records[record_id])
        try:
            for cause, records in by_cause.items():
                for message in messages(records, share.outlet.id):
                    self.dead_letters.send(message.message, cause)
        except StoreUnavailableError:
            return False
        return True

    @staticmethod
    def _fail(share: _Share, ids: set[str], work: _Work) -> None:
        """Fail the messages that brought these records; their other records may be written twice."""
        work.failed |= {message_id for message_id, held in share.messages.items() if held & ids}

    def _postpone(self, failed: Sequence[Retried]) -> None:
        """Postpone failed messages of the retry queue; if that fails, the queue's own visibility timeout applies."""
        for message in failed:
            delay_s = self.schedule_s[min(message.receives, len(self.schedule_s)) - 1]
            try:
                self.postponement.postpone(message.receipt, delay_s)
            except StoreUnavailableError:
                return


def _defect(error: Exception) -> Refusal:
    """Return an error of this code as a refusal, with its place: at the end of the retries, the records are parked."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Refusal(f"a defect: {type(error).__name__} in {place.name}, line {place.lineno}")


def _written(
    shares: Sequence[_Share], remaining_ms: Callable[[], int]
) -> Iterator[tuple[_Share, Mapping[str, Refusal]]]:
    """Write every share; yield each with the refusals of its records, by id."""

    def write(share: _Share) -> Mapping[str, Refusal]:
        try:
            return share.outlet.write(share.organization_id, share.records.values(), remaining_ms)
        except Exception as error:  # noqa: BLE001 - the other deliveries are written
            return dict.fromkeys(share.records, _defect(error))

    left = deque(shares)
    is_slow = len(left) > IN_TURN
    while left and not is_slow:
        begun_ms, share = remaining_ms(), left.popleft()
        refused = write(share)
        is_slow = begun_ms - remaining_ms() > SLOW_MS
        yield share, refused
    with ThreadPoolExecutor(THREADS, "delivery") as pool:
        yield from zip(left, pool.map(write, left), strict=True)
