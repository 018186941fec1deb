"""TransactWriteItems: every condition first, then every change, under one lock.

moto's own copies whole tables before it starts (seconds at 10,000 items), puts the copies back when it cancels (undoing
what other clients wrote meanwhile, and leaving open stream iterators behind), sends the stream writes that were undone,
and ignores ClientRequestToken. Source for what follows: API reference, TransactWriteItems.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Final

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.comparisons import create_condition_expression_parser
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    DynamodbException,
    ExpressionAttributeValuesEmpty,
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.parsing.expressions import (
    ExpressionAttributeName,
    ExpressionAttributeValue,
    UpdateExpressionParser,
)
from moto.dynamodb.responses import validate_attributes_used, validate_put_has_empty_attrs, validate_put_has_empty_keys

from local.emulator.partitions import order
from local.emulator.sizes import MAX_TRANSACTION_BYTES, item_size
from local.emulator.writes import LOCK, Condition, Write, keys_of, plan_check, plan_delete, plan_put, plan_update

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moto.dynamodb.models import DynamoDBBackend, Table

MAX_ACTIONS: Final = 100
"""Actions in one transaction. Source: API reference, TransactWriteItems."""

TOKEN_SECONDS: Final = 600
"""How long a ClientRequestToken is remembered, in seconds. Source: API reference, TransactWriteItems."""

KINDS: Final = ("ConditionCheck", "Put", "Delete", "Update")

TOKENS: Final = "postroom_client_request_tokens"
"""Name of the attribute that keeps tokens on moto's backend, so that moto's reset forgets them too."""


class IdempotentParameterMismatchException(DynamodbException):  # type: ignore[misc]
    """The same ClientRequestToken came with another content."""

    def __init__(self) -> None:
        super().__init__(
            "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, but non-identical request. Do not reuse a client "
            "token with different requests, unless the requests are identical",
        )


def write(
    backend: DynamoDBBackend,
    actions: Sequence[Mapping[str, Any]],
    token: str | None = None,
    *,
    now: float | None = None,
) -> None:
    """Carry out one transaction, or nothing of it.

    Args:
        backend: the account's tables.
        actions: TransactItems as they are on the wire.
        token: ClientRequestToken; within 10 minutes the same content under it is done only once.
        now: seconds of a monotonic clock; only tests pass it.

    Raises:
        TransactionCanceledException: a condition did not hold or an item could not be written; a reason per action.
        IdempotentParameterMismatchException: the token was used for something else.
        MockValidationException: the request itself is wrong.
    """
    with LOCK:
        moment = time.monotonic() if now is None else now
        content = hashlib.sha256(dynamo_json_dump(list(actions)).encode()).digest()
        if token is not None and _seen(backend, token, content, moment):
            return
        for planned in _plan(backend, actions):
            planned.apply()
        if token is not None:
            _tokens(backend)[token] = (moment + TOKEN_SECONDS, content)


def _plan(backend: DynamoDBBackend, actions: Sequence[Mapping[str, Any]]) -> list[Write]:
    """Return every write of the transaction, or raise without a trace."""
    if len(actions) > MAX_ACTIONS:
        raise TooManyTransactionsException
    seen: set[tuple[Any, ...]] = set()
    conditions: list[Condition] = []
    for action in actions:
        kind, request, table = _open(backend, action)
        conditions.append(_condition(kind, request, table))
        target = _target(table, request)
        if target in seen:
            raise MultipleTransactionsException
        if target is not None:
            seen.add(target)
    planned: list[Write] = []
    reasons: list[tuple[str | None, str | None, Any]] = []
    for action, condition in zip(actions, conditions, strict=True):
        try:
            planned.append(_plan_one(*_open(backend, action), condition))
        except ConditionalCheckFailed as error:
            shown = json.loads(error.description).get("Item")
            reasons.append(("ConditionalCheckFailed", error.message, shown))
        except JsonRESTError as error:
            reasons.append(("ValidationError", error.message, None))
        else:
            reasons.append((None, None, None))
    if len(planned) < len(actions):
        raise TransactionCanceledException(reasons)
    total = sum(
        max(item_size(item.attrs) for item in (one.old, one.new) if item) for one in planned if one.old or one.new
    )
    if total > MAX_TRANSACTION_BYTES:
        raise MockValidationException("The aggregate size of the items in the transaction exceeds 4 MB")
    return planned


def _open(backend: DynamoDBBackend, action: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], Table]:
    """Return what an action asks for: its kind, its parameters and its table."""
    if len(action) != 1:
        raise TransactWriteSingleOpException
    ((kind, request),) = action.items()
    if kind not in KINDS:
        raise TransactWriteSingleOpException
    return kind, request, backend.get_table(request["TableName"])


def _target(table: Table, request: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return what identifies the item that an action is about, or None when its key is malformed."""
    attributes = request.get("Item") or request.get("Key") or {}
    try:
        hash_key, range_key = keys_of(table, attributes, whole="Item" in request)
    except MockValidationException:
        return None  # becomes this action's cancellation reason
    return (table.name, order(hash_key), None if range_key is None else order(range_key))


def _condition(kind: str, request: Mapping[str, Any], table: Table) -> Condition:
    """Return an action's condition; refuse expressions that do not parse, and names or values that are not used."""
    if request.get("ExpressionAttributeValues") == {}:
        raise ExpressionAttributeValuesEmpty
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    parser = create_condition_expression_parser(request.get("ConditionExpression"), names, values)
    parsed = parser.parse()
    names_used, values_used = list(parser.expr_attr_names_found), list(parser.expr_attr_values_found)
    if kind == "Update":
        tree = UpdateExpressionParser.make(request["UpdateExpression"])
        names_used += [name.get_attribute_name_placeholder() for name in tree.find_clauses([ExpressionAttributeName])]
        values_used += [value.get_value_name() for value in tree.find_clauses([ExpressionAttributeValue])]
    if kind == "Put":
        validate_put_has_empty_attrs(request["Item"], table)
    validate_put_has_empty_keys(request["Item"] if kind == "Put" else request["Key"], table)
    validate_attributes_used(names, names_used, validation_error_prefix=False)
    validate_attributes_used(values, values_used, "Values", validation_error_prefix=False)
    return Condition(
        expression=request.get("ConditionExpression"),
        names=names or {},
        values=values or {},
        return_item=request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        parsed=parsed,
    )


def _plan_one(kind: str, request: Mapping[str, Any], table: Table, condition: Condition) -> Write:
    if kind == "Put":
        return plan_put(table, request["Item"], condition)
    if kind == "Update":
        return plan_update(table, request["Key"], request["UpdateExpression"], condition)
    return (plan_delete if kind == "Delete" else plan_check)(table, request["Key"], condition)


def _tokens(backend: DynamoDBBackend) -> dict[str, tuple[float, bytes]]:
    """Return the backend's tokens in the order they came: when each ends, and the digest of its content."""
    tokens: dict[str, tuple[float, bytes]] = backend.__dict__.setdefault(TOKENS, {})
    return tokens


def _seen(backend: DynamoDBBackend, token: str, content: bytes, now: float) -> bool:
    """Forget what is over; then say whether this very request was done already."""
    tokens = _tokens(backend)
    for old in list(tokens):
        if tokens[old][0] > now:
            break
        del tokens[old]
    if token not in tokens:
        return False
    if tokens[token][1] != content:
        raise IdempotentParameterMismatchException
    return True
