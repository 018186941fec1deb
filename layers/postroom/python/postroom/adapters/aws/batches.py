"""SQS batches: every record by itself, and a failure that says so in the log.

Powertools' own processor logs a failed record at debug level only, with the exception's text, which may quote a
message. Ours names class, cause and place, and nothing else.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

from postroom.errors import PostroomError

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


class SqsBatch(BatchProcessor):
    """Partial batch responses; the whole batch failing is no error of the function's."""

    def __init__(self, logger: Logger) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._logger = logger

    def failure_handler(self, record: Any, exception: Any) -> Any:
        """Log one failed record, then count it as Powertools does."""
        error = exception[1]
        self._logger.warning(
            "a record goes back to its queue",
            extra={
                "record": getattr(record, "message_id", None),
                "cause": error.cause if isinstance(error, PostroomError) else type(error).__name__,
                "receives": getattr(getattr(record, "attributes", None), "approximate_receive_count", None),
                "at": where(error),
            },
        )
        return super().failure_handler(record, exception)


def where(error: BaseException) -> list[str]:
    """Return the places an error came through, innermost last: file, line and function, no values."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
