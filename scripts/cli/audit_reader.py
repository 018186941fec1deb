"""Audit records of organizations, read from their own destinations: log groups first, then buckets.

For each organization and log type one delivery is read, although the records may be at several. Firehose streams
cannot be read.
"""

from __future__ import annotations

import gzip
import json
import os.path
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from cli.errors import RefusedError
from postroom.contracts import audit_paths
from postroom.contracts.audit_columns import read_line
from postroom.model.audit_deliveries import DestinationKind, LogType
from postroom.model.audit_targets import target_of
from postroom.model.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cli.log_tail import LogTail
    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place
    from postroom.ports.digest_objects import DigestObjects

READABLE: Final = (DestinationKind.CLOUDWATCH_LOGS, DestinationKind.S3)
"""Kinds of destinations that can be read, the preferred one first."""

ACTIONS: Final = {
    LogType.ACCESS_CONTROL: "evaluate_access",
    LogType.AUTHENTICATION: "authenticate",
    LogType.AVAILABILITY_PROVIDER: "ask_provider",
}
"""What `--action` calls the records that have no action of their own. Ours."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One record; ``at_ms`` is None if its delivery leaves ``event_timestamp`` out and the destination has no time."""

    at_ms: int | None
    organization_id: str
    log_type: LogType
    fields: dict[str, Any]

    @property
    def action(self) -> str:
        """What was done."""
        if action := self.fields.get("action"):
            return str(action)
        return ACTIONS.get(self.log_type, "")

    @property
    def succeeded(self) -> bool | None:
        """Whether it was allowed, or came true; None for records that do not say."""
        names = ("action_allowed", "access_granted", "auth_successful", "availability_event_successful")
        return next((self.fields[name] for name in names if name in self.fields), None)


class Source(Protocol):
    """The records of one delivery; each is given once."""

    def new(self) -> Iterator[AuditRow]:
        """Yield the records that were not given before."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is read of one organization, and the log types that are not, with the reason."""

    deliveries: Sequence[AuditDelivery]
    unread: dict[LogType, str]


def choose(deliveries: Iterable[AuditDelivery]) -> Chosen:
    """Choose one delivery for each log type of an organization."""
    chosen: list[AuditDelivery] = []
    unread: dict[LogType, str] = {}
    all_of = list(deliveries)
    for log_type in LogType:
        found = [each for each in all_of if each.log_type is log_type]
        able = [each for each in found if each.kind in READABLE and not each.fault]
        if able:
            chosen.append(min(able, key=lambda each: READABLE.index(each.kind)))
        elif found:
            unread[log_type] = found[0].fault or "it goes to a Firehose stream alone, which cannot be read"
        else:
            unread[log_type] = "there is no delivery"
    return Chosen(chosen, unread)


@dataclass(slots=True)
class LogGroup:
    """Implements ``Source`` for a log group."""

    organization_id: str
    delivery: AuditDelivery
    tail: LogTail

    def new(self) -> Iterator[AuditRow]:
        """Yield the records that were not given before."""
        target = target_of(self.delivery.target_arn)
        group = target.name if target is not None else ""
        for event in self.tail.new(group, f"{self.organization_id}/{self.delivery.log_type}/"):
            for row in rows([event["message"]], self.organization_id, self.delivery, group):
                yield AuditRow(row.at_ms or event["timestamp"], row.organization_id, row.log_type, row.fields)


@dataclass(slots=True)
class Bucket:
    """Implements ``Source`` for a bucket; ``now`` returns milliseconds since the epoch."""

    organization_id: str
    delivery: AuditDelivery
    objects: DigestObjects
    place: Place
    first_ms: int
    now: Callable[[], int]
    _read: set[str] = field(default_factory=set)

    def new(self) -> Iterator[AuditRow]:
        """Yield the records that were not given before."""
        target = target_of(self.delivery.target_arn)
        bucket = target.name if target is not None else ""
        folders = self._folders()
        common = os.path.commonprefix(sorted(folders))  # noqa: RUF071 - keys have no folders, S3's prefixes neither
        for key in self.objects.keys(bucket, common):
            if f"{key.rpartition('/')[0]}/" not in folders or key in self._read:
                continue
            stored = self.objects.get(bucket, key)
            if stored is None:
                continue
            self._read.add(key)
            lines = _lines(stored.content, f"{bucket}/{key}")
            for row in rows(lines, self.organization_id, self.delivery, f"{bucket}/{key}"):
                if row.at_ms is None or row.at_ms >= self.first_ms:
                    yield row

    def _folders(self) -> set[str]:
        """Return the folders that may have records since ``first_ms``, one for each hour unless their names lack it."""
        hours = range(self.first_ms // HOUR_MS, self.now() // HOUR_MS + 1)
        return {audit_paths.prefix(self.delivery, self.organization_id, self.place, hour * HOUR_MS) for hour in hours}


def rows(lines: Iterable[str], organization_id: str, delivery: AuditDelivery, where: str) -> Iterator[AuditRow]:
    """Read lines that a delivery has written; records of other organizations in the same place are left out.

    Raises:
        RefusedError: a line is no record.
    """
    for line in lines:
        try:
            fields = read_line(line, delivery)
        except ValueError as error:
            raise RefusedError(f"{where} has a line that is no record in {delivery.output_format}") from error
        if fields is None:
            continue
        if str(fields.get("organization_arn", organization_id)).endswith(organization_id):
            yield AuditRow(fields.get("event_timestamp"), organization_id, delivery.log_type, fields)


def _lines(content: bytes, where: str) -> list[str]:
    try:
        text = gzip.decompress(content).decode("utf-8")
    except (OSError, EOFError, ValueError) as error:
        raise RefusedError(f"{where} is no object of audit records: was it changed? `audit verify` knows") from error
    return text.split("\n")[:-1]


def text_of(row: AuditRow) -> str:
    """Return what people read of a record, beside time, action and outcome."""
    shown = ("user", "user_id", "impersonator_id", "owner_id", "protocol", "source_ip", "object_type", "folder_path")
    more = ("item_id", "attachment_path", "scope", "rule_id", "auth_failed_reason", "personal_access_token_id")
    last = ("name", "expires_time", "scopes", "type", "domain", "function_arn", "ews_endpoint", "error_message")
    found = {name: row.fields[name] for name in (*shown, *more, *last) if name in row.fields}
    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in found.items()
    )
