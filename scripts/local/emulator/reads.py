"""Query and Scan of a table's own key: each reads only what it returns, and copies nothing.

moto sorts the whole table for every page, skips the pages before item by item, and copies what it found. Items are
never changed in place here (see ``writes``), so that readers may share them. Every function expects the caller to hold
``LOCK``.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from moto.dynamodb.models.dynamo_type import DynamoType

from local.emulator.partitions import order
from local.emulator.sizes import item_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from moto.dynamodb.models.dynamo_type import Item
    from moto.dynamodb.models.table import Table

    Page = tuple[list[Item], int, dict[str, Any] | None]

MAX_PAGE_BYTES: Final = 1024 * 1024
"""Items evaluated for one page, in bytes. Source: API reference, Query and Scan."""


def partition(
    table: Table,
    hash_key: DynamoType,
    comparison: str | None,
    operands: list[DynamoType],
    *,
    start: Mapping[str, Any] | None,
    forward: bool,
) -> Iterator[Item]:
    """Yield the items that a key condition names, behind the start key.

    Args:
        table: where to look.
        hash_key: the partition.
        comparison: what the sort key must satisfy, see ``Partition.between``.
        operands: what it is compared with.
        start: ExclusiveStartKey, which need not exist.
        forward: in ascending order if true.
    """
    found = table.items.get(hash_key)
    if found is None:
        return iter(())
    if table.range_key_attr is None:
        return iter(() if start else (found,))
    after = DynamoType(start[table.range_key_attr]) if start else None
    return iter(found.between(comparison, operands, after=after, forward=forward))


def everything(table: Table, start: Mapping[str, Any] | None) -> Iterator[Item]:
    """Yield every item of a table by hash key, then range key, behind the start key, which need not exist.

    AWS promises no order of hash keys; sorting them lets a scan go on whatever was written meanwhile.
    """
    in_order = sorted(table.items, key=order)
    first = 0
    if start:
        start_key = DynamoType(start[table.hash_key_attr])
        first = bisect_left(in_order, order(start_key), key=order)
        if first < len(in_order) and in_order[first] == start_key:
            yield from partition(table, start_key, None, [], start=start, forward=True)
            first += 1
    for hash_key in in_order[first:]:
        yield from partition(table, hash_key, None, [], start=None, forward=True)


def page(
    table: Table, items: Iterable[Item], limit: int | None, condition: Any, projection: list[list[str]] | None
) -> Page:
    """Return one page: the items that satisfy the filter, how many were read for it, and where to go on.

    As on AWS, a page that ends because of its limit says where to go on even if nothing follows; moto says so only if
    something does, which hides readers that cannot bear an empty last page.

    Args:
        table: the items' table.
        items: what to read, in order.
        limit: how many items to read, None for as many as 1 MiB holds.
        condition: moto's parsed FilterExpression, or None.
        projection: paths to keep, or None for whole items.
    """
    read: list[Item] = []
    size = 0
    last_key: dict[str, Any] | None = None
    for item in items:
        read.append(item)
        size += item_size(item.attrs)
        if len(read) == limit or size >= MAX_PAGE_BYTES:
            last_key = table._get_last_evaluated_key(item, None)  # noqa: SLF001
            break
    found = read if condition is None else [item for item in read if condition.expr(item)]
    return [item.project(projection) for item in found] if projection else found, len(read), last_key
