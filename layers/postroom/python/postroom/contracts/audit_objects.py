"""Objects of audit records in S3: their names, contents and sizes; ``contracts.audit_paths`` has their folders.

Amazon WorkMail's file names and compression are not public; ours are. An object has the lines of one hour, so that a
query for an hour reads no others.
"""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

from postroom.contracts import batching
from postroom.contracts.audit_paths import prefix
from postroom.model.audit_deliveries import OutputFormat
from postroom.model.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place
    from postroom.model.log_lines import LogLine

SERVICE: Final = "WorkMail"

MAX_OBJECT_BYTES: Final = 4 * 1024 * 1024
"""Largest object before compression, in bytes; one line may be larger. Ours: it bounds the writer's memory."""

EXTENSIONS: Final = {OutputFormat.JSON: "json.gz", OutputFormat.PLAIN: "log.gz", OutputFormat.W3C: "log.gz"}


def batches(lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """Divide lines into objects, ordered by time: one hour each, none above ``MAX_OBJECT_BYTES``."""
    for _, hour in groupby(sorted(lines, key=lambda line: line.at_ms), lambda line: line.at_ms // HOUR_MS):
        yield from batching.batches(hour, lambda line: len(line.text.encode()) + 1, max_bytes=MAX_OBJECT_BYTES)


def content(header: Sequence[str], lines: Sequence[LogLine]) -> bytes:
    """Return an object's bytes, compressed with gzip: the same for the same lines."""
    text = "".join(f"{each}\n" for each in (*header, *(line.text for line in lines)))
    return gzip.compress(text.encode(), mtime=0)


def key_of(delivery: AuditDelivery, organization_id: str, place: Place, lines: Sequence[LogLine], body: bytes) -> str:
    """Return an object's key. The same records have the same key, so that a batch that comes again is written once.

    Other records have another one, even if the delivery's fields leave nothing that tells them apart.
    """
    told = "\0".join(line.id for line in lines).encode() + body
    at_ms, name = lines[0].at_ms, hashlib.sha256(told).hexdigest()[:32]
    hour = datetime.fromtimestamp(at_ms // 1000, UTC)
    file = f"{place.account}_{SERVICE}_{place.region}_{hour:%Y%m%dT%HZ}_{name}.{EXTENSIONS[delivery.output_format]}"
    return prefix(delivery, organization_id, place, at_ms) + file
