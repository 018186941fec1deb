"""SQS batches: every record by itself, a failure that says so in the log, and an end to failing (docs/decisions/0020).

Our own, not Powertools' batch processor: importing that one costs a function a sixth of its start (decision 0012),
and it logs a failed record at debug level only, with the exception's text, which may quote a message. Ours names class,
cause and place, and nothing else. Source: Lambda Developer Guide, "Reporting batch item failures".
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
"""Reported failures after which a record is given up: half an hour with the queues' six minutes between them. Ours."""

MOST_UNANSWERED: Final = 10
"""Attempts without an answer (the worker died, or ran out of time) after which a record is given up: about an hour.

Not counted is the first receive, before which nothing is written down. Ours.
"""


@dataclass(frozen=True, slots=True)
class SqsRecord:
    """One message of a batch; ``receives`` is how often SQS has handed it out, this time included.

    ``cause`` says why a station gave up on it; empty in all queues but those of dead letters.
    """

    message_id: str
    body: str
    queue_arn: str
    receives: int
    cause: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SqsRecord:
        """Read a record as Lambda hands it over."""
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        cause = record.get("messageAttributes", {}).get("cause", {}).get("stringValue", "")
        return cls(record["messageId"], record["body"], record["eventSourceARN"], receives, cause)


@dataclass(frozen=True, slots=True)
class SqsBatch:
    """Partial batch responses; the whole batch failing is no error of the function's.

    ``dead_letters`` gets what was tried often enough; without it, a record is tried for ever.
    """

    logger: Logger
    attempts: AttemptCounts
    dead_letters: SqsDeadLetters | None = None

    def process(
        self, event: Mapping[str, Any], accept: Callable[[SqsRecord], None], remaining_ms: Callable[[], int]
    ) -> dict[str, Any]:
        """Hand over each record; answer with those that ``accept`` raised for, and those there was no time for.

        A record that is received for the first time costs no call beyond what ``accept`` makes. One that comes again
        is counted before it is begun, behind the others, and the one with the most unanswered attempts last: a
        record that ends its worker takes no other record's turn.

        Args:
            event: Lambda's.
            accept: carries out one record.
            remaining_ms: time until the function is stopped; below ``RESERVE_MS`` nothing is begun but the first
                record.

        Raises:
            KeyError, TypeError, ValueError: the event is no SQS batch; Lambda hands all of it out again.
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
        """Return the records in the order of their turns, those that come again with what was counted before.

        One whose count cannot be read is failed without an attempt: a table that does not answer is no fault of it.
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
        """Hand over one record; whatever it raises is logged and costs no other record its turn."""
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
        except Exception as error:  # noqa: BLE001  one record's fault is no other's
            self._log(record, error)
            return self._is_given_up(record, _cause(error), begun=before is not None)
        if before is not None:
            self._forget(record)
        return True

    def _is_given_up(self, record: SqsRecord, cause: str, *, begun: bool) -> bool:
        """Count a failure, and give up what has failed often enough; say whether that was done.

        Its count stays until it expires: where SQS does not get the answer, the record comes again, and is not begun.
        """
        try:
            counted = self.attempts.failed(record.message_id, begun=begun)
            if self.dead_letters is None or counted.failed < MOST_FAILURES:
                return False
            self.dead_letters.send(record.body, f"{_enough(counted)}, the last with {cause}")
        except PostroomError as error:  # it goes back, and is given up when it comes again
            self._log(record, error)
            return False
        return True

    def _forget(self, record: SqsRecord) -> None:
        """Take out the count of a record that is done; if that fails, the row expires."""
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
    """Say why a record is tried no more; empty while it is."""
    if attempts.failed >= MOST_FAILURES:
        return f"gave up after {attempts.failed} failed attempts"
    if attempts.unanswered >= MOST_UNANSWERED:
        return f"gave up after {attempts.unanswered} attempts during which the function died or ran out of time"
    return ""


def _cause(error: Exception) -> str:
    return error.cause if isinstance(error, PostroomError) else type(error).__name__


def where(error: BaseException) -> list[str]:
    """Return the places an error came through, innermost last: file, line and function, no values."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
