"""Lines appended to a log stream of CloudWatch Logs, and the stream made where it is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import UnwritableLinesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import RejectedLogEventsInfoTypeDef

    from postroom.model.log_lines import LogLine

FAULTY: Final = "InvalidParameterException"
"""PutLogEvents' error code for lines that it cannot take."""


def make(client: CloudWatchLogsClient, group: str, stream: str) -> None:
    """Make a stream; another caller may make it first. Errors of botocore are passed on."""
    try:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    except ClientError as error:
        if code_of(error) != "ResourceAlreadyExistsException":
            raise


def append(client: CloudWatchLogsClient, group: str, stream: str, lines: Sequence[LogLine]) -> frozenset[str]:
    """Append lines that are in the order of time; return the ids of those that are rejected for their time.

    Raises:
        UnwritableLinesError: the service finds fault with one of the lines; none was written.
        BotoCoreError, ClientError: anything else.
    """
    try:
        answer = client.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": line.at_ms, "message": line.text} for line in lines],
        )
    except ClientError as error:
        if code_of(error) == FAULTY:
            raise UnwritableLinesError("CloudWatch Logs cannot take the lines") from error
        raise
    return _rejected(answer.get("rejectedLogEventsInfo", {}), lines)


def _rejected(info: RejectedLogEventsInfoTypeDef, lines: Sequence[LogLine]) -> frozenset[str]:
    """Return the ids of rejected lines.

    The API reference has described the end indexes as inclusive and as exclusive, and emulators differ. A line at an
    end index counts as rejected: it may be written twice, but is never lost. One line alone is rejected if any index
    is there.
    """
    if len(lines) == 1 and info:
        return frozenset({lines[0].id})
    end = max(info.get("tooOldLogEventEndIndex", -1), info.get("expiredLogEventEndIndex", -1))
    start = info.get("tooNewLogEventStartIndex", len(lines))
    return frozenset(line.id for place, line in enumerate(lines) if place <= end or place >= start)
