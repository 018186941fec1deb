"""Written objects and chains of digests, as rows of TransitTable.

pk audit:<place>   sk key of the object   gone once a digest lists it
pk audit-chains    sk <place>             head of a chain; kept

A place is an organization's id, a bucket, and the destination's own prefix, between slashes. Writers need PutItem and
BatchWriteItem.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from postroom.adapters.aws import rows, tables, unprocessed
from postroom.adapters.aws.transactions import NOT_THERE, REFUSED, code_of, store_errors
from postroom.errors import ConflictError
from postroom.model.audit_chains import AuditChain, begun
from postroom.ports.audit_chains import OpenObject
from postroom.ports.written_objects import WrittenObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

CHAINS: Final = "audit-chains"
"""Partition of the heads."""

GUARDED: Final = ("digests", "end_ms", "final", "settled")

UNCHANGED: Final = "digests = :digests AND end_ms = :end_ms AND #final = :final AND settled = :settled"

NOT_COMPLETE: Final = f"{NOT_THERE} OR complete = :complete"


@dataclass(frozen=True, slots=True)
class DynamoWrittenObjects:
    """Implements ``WrittenObjects`` and ``AuditChains``. ``pause`` waits for a number of seconds."""

    client: DynamoDBClient
    table: str
    pause: Callable[[float], None] = time.sleep
    _begun: set[str] = field(default_factory=set)
    """Chains that this process knows to exist; heads are never removed."""

    def intend(self, objects: Sequence[WrittenObject]) -> None:
        for written in objects:
            head = begun(written.organization_id, written.bucket, written.key, written.at_ms)
            if head.place not in self._begun:
                self._put(_head_row(head), NOT_THERE)
                self._begun.add(head.place)
            row = _object_row(written, complete=False)
            self._put(row, NOT_COMPLETE, ExpressionAttributeValues={":complete": {"BOOL": False}})

    def complete(self, objects: Sequence[WrittenObject]) -> None:
        found = {each.key: _object_row(each, complete=True) for each in objects}
        for batch in _batches(list(found.values())):
            unprocessed.put_all(self.client, self.table, batch, "note written objects", self.pause)

    def chains(self) -> Sequence[AuditChain]:
        return [_head_from(row) for row in tables.query(self.client, self.table, CHAINS, "")]

    def open_objects(self, chain: AuditChain) -> Iterator[OpenObject]:
        for row in tables.query(self.client, self.table, f"audit:{chain.place}", ""):
            yield _object_from(row, chain)

    def advance(self, before: AuditChain, after: AuditChain) -> None:
        values = _values(before)
        moved = self._put(
            _head_row(after),
            UNCHANGED,
            ExpressionAttributeNames={"#final": "final"},
            ExpressionAttributeValues={f":{name}": values[name] for name in GUARDED},
        )
        if not moved:
            raise ConflictError("another run has moved the head of the chain")

    def listed(self, chain: AuditChain, keys: Sequence[str]) -> None:
        found = [rows.key(f"audit:{chain.place}", key) for key in dict.fromkeys(keys)]
        for batch in _batches(found):
            unprocessed.delete_all(self.client, self.table, batch, "remove objects that are listed", self.pause)

    def given_up(self, chain: AuditChain, keys: Sequence[str]) -> None:
        for key in keys:
            with store_errors("remove an unfinished object"):
                try:
                    self.client.delete_item(
                        TableName=self.table,
                        Key=rows.key(f"audit:{chain.place}", key),
                        ConditionExpression=NOT_COMPLETE,
                        ExpressionAttributeValues={":complete": {"BOOL": False}},
                    )
                except ClientError as error:
                    if code_of(error) != REFUSED:
                        raise

    def _put(self, row: Mapping[str, Any], condition: str, **more: Any) -> bool:
        """Put a row; return ``False`` if its condition fails."""
        with store_errors("note an object of audit records"):
            try:
                self.client.put_item(TableName=self.table, Item=row, ConditionExpression=condition, **more)
            except ClientError as error:
                if code_of(error) != REFUSED:
                    raise
                return False
        return True


def _batches(found: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(found), unprocessed.MAX_DELETES):
        yield found[start : start + unprocessed.MAX_DELETES]


def _object_row(written: WrittenObject, *, complete: bool) -> dict[str, Any]:
    chain = begun(written.organization_id, written.bucket, written.key, written.at_ms)
    return {
        **rows.key(f"audit:{chain.place}", written.key),
        "delivery": {"S": written.delivery_id},
        "sha256": {"S": written.sha256},
        "size_bytes": rows.number(written.size_bytes),
        "at_ms": rows.number(written.at_ms),
        "records": rows.number(written.records),
        "complete": {"BOOL": complete},
    }


def _object_from(row: rows.Row, chain: AuditChain) -> OpenObject:
    rows.readable(row)
    written = WrittenObject(
        organization_id=chain.organization_id,
        delivery_id=row["delivery"]["S"],
        bucket=chain.bucket,
        key=row["sk"]["S"],
        sha256=row["sha256"]["S"],
        size_bytes=int(row["size_bytes"]["N"]),
        at_ms=int(row["at_ms"]["N"]),
        records=int(row["records"]["N"]),
    )
    return OpenObject(written, row["complete"]["BOOL"])


def _head_row(chain: AuditChain) -> dict[str, Any]:
    return {**rows.key(CHAINS, chain.place), **_values(chain)}


def _values(chain: AuditChain) -> dict[str, Any]:
    return {
        "end_ms": rows.number(chain.end_ms),
        "digests": rows.number(chain.digests),
        "key": {"S": chain.key},
        "sha256": {"S": chain.sha256},
        "signature": {"S": chain.signature},
        "final": {"BOOL": chain.final},
        "settled": {"BOOL": chain.settled},
    }


def _head_from(row: rows.Row) -> AuditChain:
    organization_id, bucket, prefix = rows.readable(row)["sk"]["S"].split("/", 2)
    return AuditChain(
        organization_id=organization_id,
        bucket=bucket,
        prefix=prefix,
        end_ms=int(row["end_ms"]["N"]),
        digests=int(row["digests"]["N"]),
        key=row["key"]["S"],
        sha256=row["sha256"]["S"],
        signature=row["signature"]["S"],
        final=row["final"]["BOOL"],
        settled=row["settled"]["BOOL"],
    )
