"""The items of one partition key, kept in the order of their sort keys."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right, insort
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.dynamodb.models.dynamo_type import DynamoType, Item


def order(key: DynamoType) -> Any:
    """Return what DynamoDB sorts a key by: text by UTF-8 bytes, numbers by value, binary by unsigned bytes."""
    if key.type == "N":
        return Decimal(key.value)
    if key.type == "B":
        return key.value if isinstance(key.value, bytes) else base64.b64decode(key.value)
    return key.value  # code points sort as their UTF-8 bytes do


class Partition(dict[Any, Any]):
    """A mapping of sort key to item that is also a sorted sequence: finding a range costs O(log n), not a sort.

    moto has a plain dict in its place, so it is a dict; only the methods that moto calls are overridden.
    """

    def __init__(self) -> None:
        super().__init__()
        self._order: list[Any] = []
        self._keys: dict[Any, DynamoType] = {}

    def __setitem__(self, key: DynamoType, item: Item) -> None:
        if key not in self:
            place = order(key)
            insort(self._order, place)
            self._keys[place] = key
        super().__setitem__(key, item)

    def __delitem__(self, key: DynamoType) -> None:
        super().__delitem__(key)
        place = order(key)
        del self._order[bisect_left(self._order, place)]
        del self._keys[place]

    def pop(self, key: DynamoType) -> Item:  # type: ignore[override]
        """Remove one item and return it; KeyError when it is not there."""
        item = self[key]
        del self[key]
        return item

    def __deepcopy__(self, memo: dict[int, Any]) -> Partition:
        copy = Partition()
        for key, item in self.items():
            copy[key] = item  # items are never changed in place, so copies share them
        return copy

    def ascending(self) -> list[Item]:
        """Return every item in sort-key order."""
        return [self[self._keys[place]] for place in self._order]

    def between(
        self, comparison: str | None, operands: list[DynamoType], *, after: DynamoType | None, forward: bool
    ) -> Iterator[Item]:
        """Yield the items whose sort key satisfies a key condition, in order.

        Args:
            comparison: ``=``, ``<``, ``<=``, ``>``, ``>=``, ``BETWEEN``, ``BEGINS_WITH``, or None for all.
            operands: two for BETWEEN, else one, none without a comparison.
            after: start behind this sort key (in the direction asked for), which need not exist.
            forward: ascending if true.
        """
        low, high = self._range(comparison, [order(operand) for operand in operands])
        if after is not None and forward:
            low = max(low, bisect_right(self._order, order(after)))
        elif after is not None:
            high = min(high, bisect_left(self._order, order(after)))
        places = range(low, high) if forward else range(high - 1, low - 1, -1)
        for index in places:
            yield self[self._keys[self._order[index]]]

    def _range(self, comparison: str | None, values: list[Any]) -> tuple[int, int]:
        """Return the half-open range of indexes whose keys satisfy the comparison."""
        everything = len(self._order)
        match comparison:
            case None:
                return 0, everything
            case "=" | "EQ":
                return bisect_left(self._order, values[0]), bisect_right(self._order, values[0])
            case "<" | "LT":
                return 0, bisect_left(self._order, values[0])
            case "<=" | "LE":
                return 0, bisect_right(self._order, values[0])
            case ">" | "GT":
                return bisect_right(self._order, values[0]), everything
            case ">=" | "GE":
                return bisect_left(self._order, values[0]), everything
            case "BETWEEN":
                return bisect_left(self._order, values[0]), bisect_right(self._order, values[1])
            case "BEGINS_WITH":
                prefix, size = values[0], len(values[0])
                low = bisect_left(self._order, prefix)
                return low, bisect_right(self._order, prefix, lo=low, key=lambda place: place[:size])
            case _:
                raise ValueError(f"not a key comparison: {comparison}")
