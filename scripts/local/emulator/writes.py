"""What one DynamoDB write would do, decided before anything is changed.

moto changes items in place while it evaluates an update, so that a failure half-way leaves a half-changed item and
readers see it. Here a write is planned against the item as it is, on a copy, and applied in one step that cannot fail.
Items in a table are therefore never changed, only replaced. Every function expects the caller to hold ``LOCK``.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moto.dynamodb.comparisons import create_condition_expression_parser, get_expected
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    InvalidAttributeTypeError,
    ItemSizeTooLarge,
    ItemSizeToUpdateTooLarge,
    MockValidationException,
    ProvidedKeyDoesNotExist,
)
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.parsing.validators import UpdateExpressionValidator

from local.emulator.sizes import MAX_ITEM_BYTES, item_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.dynamodb.models import Table

LOCK: Final = threading.RLock()
"""Held for the whole of every DynamoDB and DynamoDB Streams request."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as a request carries it."""

    expression: str | None = None
    names: Mapping[str, str] | None = None
    values: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] | None = None
    return_item: bool = False
    """Whether a failed check hands the item out (ReturnValuesOnConditionCheckFailure is ALL_OLD)."""
    parsed: Any = None
    """The expression as moto's parser returned it; saves parsing it again."""

    def check(self, item: Item | None) -> None:
        """Raise ConditionalCheckFailed unless the item (None: there is none) satisfies the condition."""
        holds = get_expected(self.expected or {}).expr(item)
        if holds and self.expression:
            parsed = self.parsed or create_condition_expression_parser(self.expression, self.names, self.values).parse()
            holds = parsed.expr(item)
        if not holds:
            shown = item.to_json()["Attributes"] if self.return_item and item is not None else None
            raise ConditionalCheckFailed(item=shown)


@dataclass(frozen=True, slots=True)
class Write:
    """One planned change: ``old`` becomes ``new``; None means that there is no item."""

    table: Table
    hash_key: DynamoType
    range_key: DynamoType | None
    old: Item | None
    new: Item | None

    def apply(self) -> None:
        """Make the change and add it to the table's stream; a write that changes nothing adds nothing.

        Source: developer guide, "Change data capture for DynamoDB Streams".
        """
        if self.new is not None and self.range_key is not None:
            self.table.items[self.hash_key][self.range_key] = self.new
        elif self.new is not None:
            self.table.items[self.hash_key] = self.new
        elif self.old is not None:
            _remove(self.table, self.hash_key, self.range_key)
        if self.table.stream_shard is not None and _attributes(self.old) != _attributes(self.new):
            self.table.stream_shard.add(self.old, self.new)


def keys_of(
    table: Table, attributes: Mapping[str, Any], *, whole: bool = False
) -> tuple[DynamoType, DynamoType | None]:
    """Return the hash key and the range key (None for a table without) that attributes name.

    Args:
        table: the table they are a key of.
        attributes: AttributeValues by name, as they are on the wire.
        whole: the attributes are a whole item, which may hold more than its key.

    Raises:
        MockValidationException: a key is missing, of the wrong type, or (unless whole) not alone.
    """
    for name, expected in ((table.hash_key_attr, table.hash_key_type), (table.range_key_attr, table.range_key_type)):
        if name is None:
            continue
        if name not in attributes and whole:
            raise MockValidationException(
                f"One or more parameter values were invalid: Missing the key {name} in the item"
            )
        if name not in attributes:
            raise ProvidedKeyDoesNotExist
        actual = next(iter(attributes[name]))
        if actual != expected and whole:
            raise InvalidAttributeTypeError(name, expected_type=expected, actual_type=actual)
        if actual != expected:
            raise ProvidedKeyDoesNotExist
    if not whole and len(attributes) != len(table.table_key_attrs):
        raise ProvidedKeyDoesNotExist
    hash_key = DynamoType(attributes[table.hash_key_attr])
    return hash_key, DynamoType(attributes[table.range_key_attr]) if table.range_key_attr else None


def find(table: Table, hash_key: DynamoType, range_key: DynamoType | None) -> Item | None:
    """Return the item under a key, or None; unlike moto's, a look-up never creates an empty partition."""
    found = table.items.get(hash_key)
    return found if range_key is None or found is None else found.get(range_key)


def plan_put(table: Table, attributes: Mapping[str, Any], condition: Condition) -> Write:
    """Plan to put a whole item."""
    hash_key, range_key = keys_of(table, attributes, whole=True)
    table._validate_item_types(attributes)  # noqa: SLF001
    table._validate_key_sizes(attributes)  # noqa: SLF001
    old = find(table, hash_key, range_key)
    condition.check(old)
    new = _item(hash_key, range_key, {name: DynamoType(value) for name, value in attributes.items()})
    if item_size(new.attrs) > MAX_ITEM_BYTES:
        raise ItemSizeTooLarge
    return Write(table, hash_key, range_key, old, new)


def plan_update(
    table: Table,
    key: Mapping[str, Any],
    expression: str | None,
    condition: Condition,
    attribute_updates: Mapping[str, Any] | None = None,
) -> Write:
    """Plan to update an item, or to create it with the result of the update."""
    hash_key, range_key = keys_of(table, key)
    old = find(table, hash_key, range_key)
    condition.check(old)
    new = copy.deepcopy(old)
    if new is None:
        new = _item(hash_key, range_key, {name: DynamoType(value) for name, value in key.items()})
    new.attrs = dict(new.attrs)  # moto's own dict counts the whole item at each assignment
    if expression:
        validator = UpdateExpressionValidator(
            UpdateExpressionParser.make(expression),
            expression_attribute_names=condition.names,
            expression_attribute_values=condition.values,
            item=new,
            table=table,
        )
        tree = validator.validate()
        tree.normalize()
        UpdateExpressionExecutor(tree, new, condition.names).execute()
    elif attribute_updates:
        new.validate_no_empty_key_values(attribute_updates, table.attribute_keys)
        new.update_with_attribute_updates(attribute_updates)
    if item_size(new.attrs) > MAX_ITEM_BYTES:
        raise ItemSizeToUpdateTooLarge
    return Write(table, hash_key, range_key, old, new)


def plan_delete(table: Table, key: Mapping[str, Any], condition: Condition) -> Write:
    """Plan to delete an item; deleting what is not there is fine."""
    hash_key, range_key = keys_of(table, key)
    old = find(table, hash_key, range_key)
    condition.check(old)
    return Write(table, hash_key, range_key, old, None)


def plan_check(table: Table, key: Mapping[str, Any], condition: Condition) -> Write:
    """Plan to change nothing, provided that the condition holds."""
    hash_key, range_key = keys_of(table, key)
    old = find(table, hash_key, range_key)
    condition.check(old)
    return Write(table, hash_key, range_key, old, old)


def _item(hash_key: DynamoType, range_key: DynamoType | None, attributes: dict[str, DynamoType]) -> Item:
    item = Item(hash_key, range_key, {})
    item.attrs = attributes
    return item


def _attributes(item: Item | None) -> dict[str, DynamoType] | None:
    return None if item is None else item.attrs


def _remove(table: Table, hash_key: DynamoType, range_key: DynamoType | None) -> None:
    if range_key is None:
        del table.items[hash_key]
        return
    partition = table.items[hash_key]
    del partition[range_key]
    if not partition:
        del table.items[hash_key]
