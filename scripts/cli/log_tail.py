"""Reading a log group of CloudWatch Logs as it grows: each event is given once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE_MS: Final = 60_000
"""How much older than the newest seen an event may still arrive, in milliseconds: writers are not in step. Ours."""


@dataclass
class LogTail:
    """Reads any number of log groups with one client."""

    logs: Any
    _seen: dict[str, set[str]] = field(default_factory=dict)
    _from: dict[str, int] = field(default_factory=dict)

    def new(self, group: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a group that were not given before, as FilterLogEvents does; none where there is none."""
        from botocore.exceptions import ClientError

        since = self._from.get(group, 0)
        before, seen = self._seen.get(group, set()), dict[str, int]()
        try:
            for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
                for event in page["events"]:
                    seen[event["eventId"]] = event["timestamp"]
                    if event["eventId"] not in before:
                        yield event
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # nothing was written yet
                raise
            return
        since = max(since, max(seen.values(), default=0) - LATE_MS)
        self._from[group] = since
        self._seen[group] = {event_id for event_id, timestamp in seen.items() if timestamp >= since}
