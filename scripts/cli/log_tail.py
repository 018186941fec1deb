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
    """Reads any number of log groups with one client.

    ``first_ms`` is the time of the oldest event that is read, in milliseconds since the epoch.
    """

    logs: Any
    first_ms: int = 0
    _seen: dict[str, set[str]] = field(default_factory=dict)
    _from: dict[str, int] = field(default_factory=dict)

    def new(self, group: str, streams: str = "") -> Iterator[dict[str, Any]]:
        """Yield the events of a group that were not given before, as FilterLogEvents does; none where there is none.

        Args:
            group: its name.
            streams: only events of streams whose names begin so. moto (5.2.5) takes this and gives the others, too.
        """
        from botocore.exceptions import ClientError

        place = f"{group} {streams}"
        since = self._from.get(place, self.first_ms)
        before, seen = self._seen.get(place, set()), dict[str, int]()
        asked = {"logGroupName": group, **({"logStreamNamePrefix": streams} if streams else {})}
        try:
            for page in self.logs.get_paginator("filter_log_events").paginate(**asked, startTime=since):
                for event in page["events"]:
                    if not event["logStreamName"].startswith(streams):
                        continue
                    seen[event["eventId"]] = event["timestamp"]
                    if event["eventId"] not in before:
                        yield event
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # nothing was written yet
                raise
            return
        since = max(since, max(seen.values(), default=0) - LATE_MS)
        self._from[place] = since
        self._seen[place] = {event_id for event_id, timestamp in seen.items() if timestamp >= since}
