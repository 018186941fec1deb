"""Objects of audit records in S3: their keys, contents and sizes.

Amazon WorkMail's service segment, date path, file names and compression are not public, so all of it is ours but the
prefix ``AWSLogs/<account>/``, which the guide's bucket policy names (ZH:2461). An object has the lines of one hour, so
that a query for an hour reads no others.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

from postroom.model.audit_deliveries import OutputFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.log_lines import LogLine

SERVICE: Final = "WorkMail"

MAX_OBJECT_BYTES: Final = 4 * 1024 * 1024
"""Largest object before compression, in bytes; one line may be larger. Ours: it bounds the writer's memory."""

HOUR_MS: Final = 3_600_000

EXTENSIONS: Final = {OutputFormat.JSON: "json.gz", OutputFormat.PLAIN: "log.gz", OutputFormat.W3C: "log.gz"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the records of one delivery are written."""

    account: str
    region: str
    organization_id: str


def batches(lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """Divide lines into objects, ordered by time: one hour each, none above ``MAX_OBJECT_BYTES``."""
    for _, hour in groupby(sorted(lines, key=lambda line: line.at_ms), lambda line: line.at_ms // HOUR_MS):
        batch: list[LogLine] = []
        size = 0
        for line in hour:
            bytes_of_line = len(line.text.encode()) + 1
            if batch and size + bytes_of_line > MAX_OBJECT_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(line)
            size += bytes_of_line
        if batch:
            yield batch


def content(header: Sequence[str], lines: Sequence[LogLine]) -> bytes:
    """Return an object's bytes, compressed with gzip: the same for the same lines."""
    text = "".join(f"{each}\n" for each in (*header, *(line.text for line in lines)))
    return gzip.compress(text.encode(), mtime=0)


def bucket_and_prefix(target_arn: str) -> tuple[str, str]:
    """Return the bucket of an ARN such as ``arn:aws:s3:::bucket/prefix``, and the prefix with a ``/`` behind it."""
    bucket, _, prefix = target_arn.rpartition(":::")[2].partition("/")
    prefix = prefix.strip("/")
    return bucket, f"{prefix}/" if prefix else ""


def key_of(delivery: AuditDelivery, place: Place, lines: Sequence[LogLine], body: bytes) -> str:
    """Return an object's key. The same lines have the same key, so that a batch that comes again is written once."""
    _, prefix = bucket_and_prefix(delivery.target_arn)
    name = hashlib.sha256(body).hexdigest()[:32]
    hour = datetime.fromtimestamp(lines[0].at_ms // 1000, UTC)
    folder = _folder(delivery, place, hour)
    file = f"{place.account}_{SERVICE}_{place.region}_{hour:%Y%m%dT%HZ}_{name}.{EXTENSIONS[delivery.output_format]}"
    return f"{prefix}AWSLogs/{place.account}/{SERVICE}/{folder}/{file}"


def _folder(delivery: AuditDelivery, place: Place, hour: datetime) -> str:
    """Return the folders behind the service: as configured, or ours."""
    if not delivery.suffix_path:
        names = ("region", "organization", "kind", "year", "month", "day", "hour")
        values = (
            place.region,
            place.organization_id,
            delivery.log_type.value,
            f"{hour:%Y}",
            f"{hour:%m}",
            f"{hour:%d}",
            f"{hour:%H}",
        )
        parts = (f"{name}={value}" if delivery.hive else value for name, value in zip(names, values, strict=True))
        return "/".join(parts)
    return _configured(delivery, place, hour)


VARIABLES: Final = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour"}
"""Variables of a suffix path that are times, with their names in Hive's form. Source: CloudWatch Logs, CreateDelivery,
``s3DeliveryConfiguration``."""


def _configured(delivery: AuditDelivery, place: Place, hour: datetime) -> str:
    values = {
        "yyyy": f"{hour:%Y}",
        "MM": f"{hour:%m}",
        "dd": f"{hour:%d}",
        "HH": f"{hour:%H}",
        "accountid": place.account,
        "region": place.region,
        "organization": place.organization_id,
        "kind": delivery.log_type.value,
    }
    path = delivery.suffix_path.strip("/")
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", f"{VARIABLES.get(name, name)}={value}" if delivery.hive else value)
    return path
