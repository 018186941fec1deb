"""How DynamoDB counts the bytes of an item.

Source: DynamoDB developer guide, "DynamoDB item sizes and formats". moto counts base64 text instead of binary and has a
limit of 405,000 bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.dynamodb.models.dynamo_type import DynamoType

MAX_ITEM_BYTES: Final = 400 * 1024
"""Names and values of one item, in bytes. Source: developer guide, quotas."""

MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024
"""Items of one transaction together, in bytes. Source: API reference, TransactWriteItems."""

CONTAINER_BYTES: Final = 3
"""What a list or map costs before its content, in bytes."""

ELEMENT_BYTES: Final = 1
"""What each element of a list or map costs beside itself, in bytes."""


def item_size(attributes: Mapping[str, DynamoType]) -> int:
    """Return the size of an item: the bytes of its attributes' names and values."""
    return sum(len(name.encode()) + value_size(value) for name, value in attributes.items())


def value_size(value: DynamoType) -> int:
    """Return the size of one attribute value, in bytes; numbers approximately, as the guide gives them."""
    return _size(value.type, value.value)


def _size(kind: str, value: Any) -> int:
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value) if isinstance(value, bytes) else len(value) * 3 // 4 - value[-2:].count("=")
        case "N":
            return (len(value.strip("-+.")) + 1) // 2 + 1
        case "SS" | "NS" | "BS":
            return sum(_size(kind[0], element) for element in value)
        case "L":
            return CONTAINER_BYTES + sum(ELEMENT_BYTES + value_size(element) for element in value)
        case "M":
            return CONTAINER_BYTES + sum(
                ELEMENT_BYTES + len(name.encode()) + value_size(element) for name, element in value.items()
            )
        case _:
            return 1  # BOOL, NULL
