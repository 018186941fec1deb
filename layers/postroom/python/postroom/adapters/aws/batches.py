"""SQS batches: each record succeeds or fails on its own, and is given up after some failures (docs/decisions/0020).

Records may be carried out together; each still has its own outcome. A record that lost a race for a row comes again in
seconds, and is never given up for that (docs/decisions/0041).

Powertools' batch processor is not used: its import takes a sixth of a function's start (decision 0012), and it logs a
failed record only at debug level, with the exception's text, which may quote a message. Ours logs the class, cause and
place of an error. Source: Lambda Developer Guide, "Reporting batch item failures".
"""

from __future__ import annotations

import random
import traceback
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.errors import ConflictError, PostroomError
from postroom.model.limits import RESERVE_MS
from postroom.ports.metrics import FAILED_RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.attempts import AttemptCounts, Attempts
    from postroom.adapters.aws.queues import SqsDeadLetters
    from postroom.ports.metrics import StackMetrics
    from postroom.ports.retried import Postponement

MOST_FAILURES: Final = 5
"""Reported failures after which a record is given up: half an hour, with six minutes between them. Ours."""

MOST_UNANSWERED: Final = 10
"""Unanswered attempts (the worker ended, or ran out of time) after which a record is given up: about an hour. Ours.

The first receive is not counted, because nothing is written before it.
"""

RACE_DELAYS_S: Final = (1, 2, 3)
"""Seconds, one of which passes before a record that lost a race comes again. Ours: a delay that grew with the number of
lost races made the longest wait longer, in the simulation of scripts/bench, and lost as many races."""


@dataclass(frozen=True, slots=True)
class SqsRecord:
    """One message of a batch.

    Attributes:
        receives: number of receives, this one included.
        queue_arn: the queue, or for a dead letter of SQS the queue that it comes from.
        cause: why a station gave the message up; empty except for dead letters.
        receipt: SQS's receipt handle of this receive.
    """

    message_id: str
    body: str
    queue_arn: str
    receives: int
    cause: str = ""
    receipt: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SqsRecord:
        """Read a record of Lambda's event."""
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        cause = record.get("messageAttributes", {}).get("cause", {}).get("stringValue", "")
        receipt = record.get("receiptHandle", "")
        queue_arn = record["attributes"].get("DeadLetterQueueSourceArn", record["eventSourceARN"])
        return cls(record["messageId"], record["body"], queue_arn, receives, cause, receipt)


class Together(Protocol):
    """Records that a station carries out together."""

    def add(self, name: str, body: str) -> None:
        """Do for one record what can be done by itself; an exception is its failure, and the others are continued."""

    def finish(self) -> Mapping[str, Exception]:
        """Complete those that were added without an exception; return the errors of records that failed, by name."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A record and its counts; ``None`` at its first receive."""

    record: SqsRecord
    before: Attempts | None = None

    @property
    def unanswered(self) -> int:
        """Number of attempts without an answer."""
        return 0 if self.before is None else self.before.unanswered

    @property
    def joins(self) -> bool:
        """Whether it may be carried out together with others: no attempt has failed or ended its worker."""
        if self.before is None:
            return True
        return self.before.conflicts > 0 and not self.before.failed and not self.before.unanswered


@dataclass(frozen=True, slots=True)
class SqsBatch:
    """Processes batches and answers with the failed records; a batch of failures is not an error of the function.

    Attributes:
        metrics: gets FAILED_RECORDS for each failure: a line of the log of 200 bytes, without a call.
        dead_letters: gets records that are given up; without it, no record is given up.
        postponement: of the queue; without it, a lost race is a failure like others, and records for which no time was
            left come again after the queue's time-out.
        choose: returns one of the delays.
        reserve_ms: time until the function is stopped below which no record except the first is begun.
        may_be_slow: whether the record with a body is processed after those that never are.
    """

    logger: Logger
    attempts: AttemptCounts
    metrics: StackMetrics
    dead_letters: SqsDeadLetters | None = None
    postponement: Postponement | None = None
    choose: Callable[[Sequence[int]], int] = random.choice
    reserve_ms: int = RESERVE_MS
    may_be_slow: Callable[[str], bool] = lambda _body: False

    def process(
        self,
        event: Mapping[str, Any],
        accept: Callable[[SqsRecord], None],
        remaining_ms: Callable[[], int],
        together: Callable[[], Together] | None = None,
    ) -> dict[str, Any]:
        """Process each record; return the records that failed and those for which no time was left.

        The first receive of a record costs no request beyond those of ``accept``. Records that come again are processed
        after the others, ordered by their unanswered attempts, and each is counted before it is processed. So a record
        that ends its worker does not stop the others. Of the same count, records that may be slow are the last.

        Args:
            event: Lambda's event of an SQS mapping.
            accept: processes one record; an exception is a failure.
            remaining_ms: returns the time until the function is stopped; below ``reserve_ms`` no record except the
                first is begun.
            together: begins a group of records, instead of ``accept``. It gets records of a first receive, and those
                that have only lost races.

        Raises:
            KeyError, TypeError, ValueError: the event is not an SQS batch; all of it comes again.
        """
        failed: list[str] = []
        turns = self._in_turn([SqsRecord.of(record) for record in event["Records"]], failed)
        joint = [turn for turn in turns if turn.joins] if together is not None else []
        alone = [turn for turn in turns if turn not in joint]
        in_time = self._in_time([*joint, *alone], remaining_ms, failed)
        if together is not None and joint:
            self._process_together(islice(in_time, len(joint)), together(), failed)
        for turn in in_time:
            self._process(turn, accept, failed)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _in_turn(self, records: Sequence[SqsRecord], failed: list[str]) -> list[Turn]:
        """Return the records in the order of processing; those that come again have their counts.

        A record whose counts cannot be read is added to ``failed`` without an attempt, and no failure is counted.
        """
        first = [Turn(record) for record in records if record.receives == 1]
        again: list[Turn] = []
        for record in records:
            if record.receives != 1:
                try:
                    again.append(Turn(record, self.attempts.of(record.message_id)))
                except PostroomError as error:
                    self._log(record, error)
                    failed.append(record.message_id)
        return sorted([*first, *again], key=lambda turn: (turn.unanswered, self.may_be_slow(turn.record.body)))

    def _in_time(self, turns: Sequence[Turn], remaining_ms: Callable[[], int], failed: list[str]) -> Iterator[Turn]:
        """Yield records as long as there is time for them; add the others to ``failed``."""
        for place, turn in enumerate(turns):
            if place and remaining_ms() < self.reserve_ms:
                untouched = [left.record for left in turns[place:]]
                names = [record.message_id for record in untouched]
                self.logger.warning("no time is left for records", extra={"records": names})
                self._hand_back(untouched)
                failed += names
                return
            yield turn

    def _hand_back(self, records: Sequence[SqsRecord]) -> None:
        """Let records come again at once; if a call fails, after the queue's visibility timeout."""
        if self.postponement is None:
            return
        try:
            for record in records:
                self.postponement.postpone(record.receipt, 0)
        except PostroomError as error:
            self._log(record, error)

    def _process(self, turn: Turn, accept: Callable[[SqsRecord], None], failed: list[str]) -> None:
        """Process one record. Any exception is logged; the batch continues."""
        if not self._begun(turn, failed):
            return
        try:
            accept(turn.record)
        except Exception as error:  # noqa: BLE001  the other records are processed
            self._failed(turn, error, failed)
        else:
            self._done(turn)

    def _process_together(self, turns: Iterable[Turn], work: Together, failed: list[str]) -> None:
        """Process records as a group. Any exception is logged; the others continue."""
        added: list[Turn] = []
        for turn in turns:
            if not self._begun(turn, failed):
                continue
            try:
                work.add(turn.record.message_id, turn.record.body)
            except Exception as error:  # noqa: BLE001  the other records are processed
                self._failed(turn, error, failed)
            else:
                added.append(turn)
        try:
            errors = work.finish()
        except Exception as error:  # noqa: BLE001  all come again, each by itself
            errors = dict.fromkeys((turn.record.message_id for turn in added), error)
        for turn in added:
            if (found := errors.get(turn.record.message_id)) is not None:
                self._failed(turn, found, failed)
            else:
                self._done(turn)

    def _begun(self, turn: Turn, failed: list[str]) -> bool:
        """Count an attempt; ``False`` if the record is given up, or goes back because counts do not answer."""
        record, before = turn.record, turn.before
        if before is None:
            return True
        try:
            if (cause := _enough(before)) and self.dead_letters is not None:
                self.dead_letters.send(record.body, cause)
                return False
            self.attempts.begin(record.message_id)
        except PostroomError as error:
            self._log(record, error)
            failed.append(record.message_id)
            return False
        return True

    def _done(self, turn: Turn) -> None:
        """Delete the counts of a record that is done; if that fails, the row expires."""
        if turn.before is None:
            return
        name = turn.record.message_id
        try:
            self.attempts.over(name)
        except PostroomError as error:
            self.logger.warning("a count of attempts stays", extra={"record": name, "cause": error.cause})

    def _failed(self, turn: Turn, error: Exception, failed: list[str]) -> None:
        """Log and count a failure, or a lost race; add the record to ``failed`` unless it is given up."""
        record, is_begun = turn.record, turn.before is not None
        self._log(record, error)
        if isinstance(error, ConflictError) and self.postponement is not None:
            self._come_soon(record, self.postponement, begun=is_begun)
        elif self._is_given_up(record, _cause(error), begun=is_begun):
            return
        failed.append(record.message_id)

    def _come_soon(self, record: SqsRecord, postponement: Postponement, *, begun: bool) -> None:
        """Let a record come again in seconds; if a call fails, after the queue's visibility timeout."""
        try:
            self.attempts.conflict(record.message_id, begun=begun)
            postponement.postpone(record.receipt, self.choose(RACE_DELAYS_S))
        except PostroomError as error:
            self._log(record, error)

    def _is_given_up(self, record: SqsRecord, cause: str, *, begun: bool) -> bool:
        """Count a failure; give the record up after ``MOST_FAILURES`` and return whether that was done.

        Its counts stay until they expire: if SQS does not get the answer, the record comes again and is not processed.
        """
        try:
            counted = self.attempts.failed(record.message_id, begun=begun)
            if self.dead_letters is None or counted.failed < MOST_FAILURES:
                return False
            self.dead_letters.send(record.body, f"{_enough(counted)}, the last with {cause}")
        except PostroomError as error:  # it comes again, and is given up then
            self._log(record, error)
            return False
        return True

    def _log(self, record: SqsRecord, error: Exception) -> None:
        if self.postponement is None or not isinstance(error, ConflictError):  # a lost race is no failure
            self.metrics.record({FAILED_RECORDS: 1})
        self.logger.warning(
            "a record goes back to its queue",
            extra={
                "record": record.message_id,
                "cause": _cause(error),
                "receives": record.receives,
                "at": where(error),
            },
        )


def _enough(attempts: Attempts) -> str:
    """Return why a record is given up; empty if it is not."""
    if attempts.failed >= MOST_FAILURES:
        return f"gave up after {attempts.failed} failed attempts"
    if attempts.unanswered >= MOST_UNANSWERED:
        return f"gave up after {attempts.unanswered} attempts during which the function died or ran out of time"
    return ""


def _cause(error: Exception) -> str:
    return error.cause if isinstance(error, PostroomError) else type(error).__name__


def where(error: BaseException) -> list[str]:
    """Return the last six stack frames of an error, innermost last: file, line and function, no values."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
