"""DynamoDB: one lock, planned writes, transactions of our own, and queries that read one partition only."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import moto.dynamodb.responses as responses_module
from moto.core.responses import ActionResult
from moto.dynamodb.comparisons import ConditionExpressionParser, FuncBetween
from moto.dynamodb.exceptions import InvalidConditionExpression, MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.responses import DynamoHandler, DynamoResult

from local.emulator import reads, transactions
from local.emulator.partitions import Partition
from local.emulator.writes import LOCK, Condition, find, plan_delete, plan_put, plan_update

if TYPE_CHECKING:
    from moto.core.responses import ActionContext
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

MAX_BATCH_WRITES = 25
"""Puts and deletes of one BatchWriteItem. Source: API reference."""

_QUERY_PARAMETERS = (
    "range_comparison",
    "range_objs",
    "limit",
    "exclusive_start_key",
    "scan_index_forward",
    "projection_expressions",
    "index_name",
    "consistent_read",
    "filter_expression",
)
"""Parameters of moto's Table.query behind the hash key, in order."""

_original_between = FuncBetween.expr
_original_call_action = DynamoHandler.call_action
_original_batch_write = DynamoHandler.batch_write_item
_original_table_init = Table.__init__
_original_query = Table.query
_original_scan = Table.scan
_original_make = UpdateExpressionParser.make
_original_parse = ConditionExpressionParser.parse


@functools.lru_cache(maxsize=1024)
def parse_update(expression: str) -> Any:
    """Return the tree of an update expression; moto parses it three times a request. Its validator works on a copy."""
    return _original_make(expression)


def parse_condition(self: ConditionExpressionParser) -> Any:
    """Refuse a condition that does not parse; moto's parser dies of it, which clients see as a 500."""
    try:
        return _original_parse(self)
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        expression = self.condition_expression
        raise InvalidConditionExpression(
            f"Syntax error or undefined name or value; expression: {expression}"
        ) from error


def between(self: FuncBetween, item: Item | None) -> bool:
    """Find that a value of another type is between no bounds; moto raises, which clients see as a 500."""
    if self.attr.get_type(item) not in {self.start.get_type(item), self.end.get_type(item)}:
        return False
    found: bool = _original_between(self, item)
    return found


def call_action(self: DynamoHandler) -> Any:
    """Answer one request at a time: moto checks and writes in separate steps, so that two clients could both pass."""
    with LOCK:
        return _original_call_action(self)


def table_init(self: Table, *args: Any, **kwargs: Any) -> None:
    """Keep the items of a partition sorted: moto sorts the whole table for every query."""
    _original_table_init(self, *args, **kwargs)
    self.items = defaultdict(Partition) if self.range_key_attr else {}


def get_item(
    self: Table,
    hash_key: DynamoType,
    range_key: DynamoType | None = None,
    projection_expression: list[list[str]] | None = None,
) -> Item | None:
    """Find an item without leaving an empty partition behind for each key that was not there."""
    if self.has_range_key and range_key is None:
        raise MockValidationException("The provided key element does not match the schema")
    item = find(self, hash_key, range_key)
    return item.project(projection_expression) if item is not None and projection_expression else item


def all_items(self: Table) -> list[Item]:
    """Return every item by hash key, then range key; moto compares whole items pair by pair to sort them."""
    return list(reads.everything(self, None))


def query(self: Table, hash_key: DynamoType | None, *args: Any, **kwargs: Any) -> Any:
    """Read one partition; queries of an index and those with legacy filters stay moto's."""
    given = dict(zip(_QUERY_PARAMETERS, args, strict=False)) | kwargs
    legacy_filters = given.keys() - set(_QUERY_PARAMETERS) - {"hash_key_conditions", "range_key_conditions"}
    if given.get("index_name") or legacy_filters or hash_key is None:
        return _original_query(self, hash_key, *args, **kwargs)
    items = reads.partition(
        self,
        hash_key,
        given["range_comparison"],
        given["range_objs"],
        start=given["exclusive_start_key"],
        forward=given["scan_index_forward"] is not False,
    )
    return reads.page(self, items, given["limit"], given["filter_expression"], given["projection_expressions"])


def scan(
    self: Table,
    filters: dict[str, Any],
    limit: int,
    exclusive_start_key: dict[str, Any],
    filter_expression: Any = None,
    index_name: str | None = None,
    consistent_read: bool = False,
    projection_expression: list[list[str]] | None = None,
    segments: Any = (None, None),
) -> Any:
    """Read the table page by page; scans of an index, in segments and those with legacy filters stay moto's."""
    if filters or index_name or segments != (None, None):
        return _original_scan(
            self,
            filters,
            limit,
            exclusive_start_key,
            filter_expression,
            index_name,
            consistent_read,
            projection_expression,
            segments,
        )
    items = reads.everything(self, exclusive_start_key)
    return reads.page(self, items, limit, filter_expression, projection_expression)


def put_item(
    self: DynamoDBBackend,
    table_name: str,
    item_attrs: dict[str, Any],
    expected: dict[str, Any] | None = None,
    condition_expression: str | None = None,
    expression_attribute_names: dict[str, Any] | None = None,
    expression_attribute_values: dict[str, Any] | None = None,
    overwrite: bool = False,  # moto's signature; says that there is no condition
    return_values_on_condition_check_failure: str | None = None,
) -> Item:
    """Put one item (PutItem, BatchWriteItem)."""
    condition = Condition(
        None if overwrite else condition_expression,
        expression_attribute_names,
        expression_attribute_values,
        None if overwrite else expected,
        return_values_on_condition_check_failure == "ALL_OLD",
    )
    write = plan_put(self.get_table(table_name), item_attrs, condition)
    write.apply()
    return write.new


def update_item(
    self: DynamoDBBackend,
    table_name: str,
    key: dict[str, dict[str, Any]],
    update_expression: str,
    expression_attribute_names: dict[str, Any],
    expression_attribute_values: dict[str, Any],
    attribute_updates: dict[str, Any] | None = None,
    expected: dict[str, Any] | None = None,
    condition_expression: str | None = None,
    return_values_on_condition_check_failure: str | None = None,
) -> Item:
    """Update one item; moto changes the stored item step by step, and sends two stream records for a new one."""
    condition = Condition(
        condition_expression,
        expression_attribute_names or {},
        expression_attribute_values or {},
        expected,
        return_values_on_condition_check_failure == "ALL_OLD",
    )
    write = plan_update(self.get_table(table_name), key, update_expression, condition, attribute_updates)
    write.apply()
    return write.new


def delete_item(
    self: DynamoDBBackend,
    table_name: str,
    key: dict[str, Any],
    expression_attribute_names: dict[str, Any] | None = None,
    expression_attribute_values: dict[str, Any] | None = None,
    condition_expression: str | None = None,
    return_values_on_condition_check_failure: str | None = None,
) -> Item | None:
    """Delete one item (DeleteItem, BatchWriteItem) and return what was there."""
    condition = Condition(
        condition_expression,
        expression_attribute_names,
        expression_attribute_values,
        return_item=return_values_on_condition_check_failure == "ALL_OLD",
    )
    write = plan_delete(self.get_table(table_name), key, condition)
    write.apply()
    return write.old


def batch_write_item(self: DynamoHandler) -> ActionResult:
    """Refuse more than 25 writes at once; moto takes any number."""
    if sum(len(requests) for requests in self.body["RequestItems"].values()) > MAX_BATCH_WRITES:
        raise MockValidationException("Too many items requested for the BatchWriteItem call")
    return _original_batch_write(self)


def transact_write_items(self: DynamoHandler) -> ActionResult:
    """Answer TransactWriteItems with ``transactions.write``."""
    transactions.write(self.dynamodb_backend, self.body["TransactItems"], self.body.get("ClientRequestToken"))
    return ActionResult({})


def execute_result(self: DynamoResult, context: ActionContext) -> Any:  # noqa: ARG001  # moto's signature
    """Write an answer as JSON; moto walks botocore's model for each attribute, 50 microseconds each.

    What the model does not name may stay: clients ignore it.
    """
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, dynamo_json_dump(self.result)


def apply() -> None:
    """Put the functions above in place of moto's."""
    ConditionExpressionParser.parse = parse_condition
    FuncBetween.expr = between
    UpdateExpressionParser.make = staticmethod(parse_update)
    DynamoResult.execute_result = execute_result
    DynamoHandler.call_action = call_action
    DynamoHandler.batch_write_item = batch_write_item
    DynamoHandler.transact_write_items = transact_write_items
    Table.__init__ = table_init
    Table.get_item = get_item
    Table.all_items = all_items
    Table.query = query
    Table.scan = scan
    DynamoDBBackend.put_item = put_item
    DynamoDBBackend.update_item = update_item
    DynamoDBBackend.delete_item = delete_item
    # moto refuses more than 25 items in TransactGetItems; AWS raised both limits to 100 in 2022
    responses_module.TRANSACTION_MAX_ITEMS = transactions.MAX_ACTIONS
