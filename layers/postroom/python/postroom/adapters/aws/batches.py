"""SQS batches: each record succeeds or fails on its own, and is given up after some failures (docs/decisions/0020).

Powertools' batch processor is not used: its import takes a sixth of a function's start (decision 0012), and it logs a
failed record only at debug level, with the exception's text, which may quote a message. Ours logs the class, cause and
place of an error. Source: Lambda Developer Guide, "Reporting batch item failures".
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from postroom.errors import PostroomError
from postroom.model.limits import RESERVE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.attempts import AttemptCounts, Attempts
    from postroom.adapters.aws.queues import SqsDeadLetters

MOST_FAILURES: Final = 5
"""Reported failures after which a record is given up: half an hour, with six minutes between them. Ours."""

MOST_UNANSWERED: Final = 10
"""Unanswered attempts (the worker ended, or ran out of time) after which a record is given up: about an hour. Ours.

The first receive is not counted, because nothing is written before it.
"""


@dataclass(frozen=True, slots=True)
class SqsRecord:
    """One message of a batch.

    Attributes:
        receives: number of receives, this one included.
        cause: why a station gave the message up; empty except in dead-letter queues.
    """

    message_id: str
    body: str
    queue_arn: str
    receives: int
    cause: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SqsRecord:
        """Read a record of Lambda's event."""
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        cause = record.get("messageAttributes", {}).get("cause", {}).get("stringValue", "")
        return cls(record["messageId"], record["body"], record["eventSourceARN"], receives, cause)


@dataclass(frozen=True, slots=True)
class SqsBatch:
    """Processes batches and answers with the failed records; a batch of failures is not an error of the function.

    ``dead_letters`` gets records that are given up; without it, no record is given up.
    """

    logger: Logger
    attempts: AttemptCounts
    dead_letters: SqsDeadLetters | None = None

    def process(
        self, event: Mapping[str, Any], accept: Callable[[SqsRecord], None], remaining_ms: Callable[[], int]
    ) -> dict[str, Any]:
        """Process each record; return the records that failed and those for which no time was left.

        The first receive of a record costs no request beyond those of ``accept``. Records that come again are processed
        after the others, ordered by their unanswered attempts, and each is counted before it is processed. So a record
        that ends its worker does not stop the others.

        Args:
            event: Lambda's event of an SQS mapping.
            accept: processes one record; an exception is a failure.
            remaining_ms: returns the time until the function is stopped; below ``RESERVE_MS`` no record except the
                first is begun.

        Raises:
            KeyError, TypeError, ValueError: the event is not an SQS batch; all of it comes again.
        """
        failed: list[str] = []
        records = self._in_turn([SqsRecord.of(record) for record in event["Records"]], failed)
        for place, (record, before) in enumerate(records):
            if place and remaining_ms() < RESERVE_MS:
                untouched = [left.message_id for left, _ in records[place:]]
                self.logger.warning("no time is left for records", extra={"records": untouched})
                failed += untouched
                break
            if not self._done(record, before, accept):
                failed.append(record.message_id)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _in_turn(self, records: Sequence[SqsRecord], failed: list[str]) -> list[tuple[SqsRecord, Attempts | None]]:
        """Return the records in the order of processing; those that come again have their counts.

        A record whose counts cannot be read is added to ``failed`` without an attempt, and no failure is counted.
        """
        first: list[tuple[SqsRecord, Attempts | None]] = [(record, None) for record in records if record.receives == 1]
        again: list[tuple[SqsRecord, Attempts]] = []
        for record in records:
            if record.receives != 1:
                try:
                    again.append((record, self.attempts.of(record.message_id)))
                except PostroomError as error:
                    self._log(record, error)
                    failed.append(record.message_id)
        return [*first, *sorted(again, key=lambda each: each[1].unanswered)]

    def _done(self, record: SqsRecord, before: Attempts | None, accept: Callable[[SqsRecord], None]) -> bool:
        """Process one record and return whether it is done. Any exception is logged; the batch continues."""
        try:
            if before is not None and (cause := _enough(before)) and self.dead_letters is not None:
                self.dead_letters.send(record.body, cause)
                return True
            if before is not None:
                self.attempts.begin(record.message_id)
        except PostroomError as error:
            self._log(record, error)
            return False
        try:
            accept(record)
        except Exception as error:  # noqa: BLE001  the other records are processed
            self._log(record, error)
            return self._is_given_up(record, _cause(error), begun=before is not None)
        if before is not None:
            self._forget(record)
        return True

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

    def _forget(self, record: SqsRecord) -> None:
        """Delete the counts of a record that is done; if that fails, the row expires."""
        try:
            self.attempts.over(record.message_id)
        except PostroomError as error:
            self.logger.warning("a count of attempts stays", extra={"record": record.message_id, "cause": error.cause})

    def _log(self, record: SqsRecord, error: Exception) -> None:
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
