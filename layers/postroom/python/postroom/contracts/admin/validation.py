"""Checks a request against the shapes of botocore's model, as AWS does before an operation.

botocore itself checks type, presence and minimum length only; the service must check the rest (maximum, pattern, enum).
The texts are those of other AWS services (ours; WorkMail's are not public).
"""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.admin.models.shapes import OPERATIONS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_SHOWN_CHARACTERS: Final = 256
"""Longest part of a bad value that an error text repeats, in characters. Ours."""


class WrongTypeError(ValueError):
    """A JSON value has another type than in the model; AWS answers SerializationException."""


def validated(operation: str, payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Check the input of an operation.

    Members that are not in the model are dropped, as AWS does; ``null`` counts as absent.

    Args:
        operation: one of ``OPERATIONS``.
        payload: the decoded JSON object.

    Returns:
        The members of the model, and a sentence for every violated constraint, in the model's order.

    Raises:
        WrongTypeError: a member has another JSON type than in the model.
    """
    shape = OPERATIONS[operation]["input"]
    value = _shaped(shape, payload, operation)
    return value, list(_violations(shape, value, ""))


def message(violations: list[str]) -> str:
    """Return AWS's sentence about one or more violations."""
    count = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
    return f"{count} detected: {'; '.join(violations)}"


def _shaped(name: str, value: Any, path: str) -> Any:
    shape = SHAPES[name]
    match shape["type"], value:
        case "structure", dict():
            return {
                member: _shaped(target, value[member], member)
                for member, target in shape["members"].items()
                if value.get(member) is not None
            }
        case "list", list():
            return [_shaped(shape["member"], item, path) for item in value]
        case "string", str() if _is_unicode(value):
            return value
        case "blob", str():
            return _blob(value, path)
        case "boolean", bool():
            return value
        case "integer" | "long", int() if not isinstance(value, bool):
            return value
        case "double" | "timestamp", int() | float() if not isinstance(value, bool):
            return float(value)
    raise WrongTypeError(f"{path}: {_json_type(value)} can not be converted to {shape['type']}")


def _blob(value: str, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise WrongTypeError(f"{path}: STRING_VALUE can not be converted to blob") from None


def _is_unicode(text: str) -> bool:
    """Say whether a text has no lone surrogates; JSON can contain them, but no store can keep them."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _json_type(value: Any) -> str:
    names: Mapping[type, str] = {dict: "START_OBJECT", list: "START_ARRAY", str: "STRING_VALUE", bool: "BOOLEAN_VALUE"}
    return "NULL_VALUE" if value is None else names.get(type(value), "NUMBER_VALUE")


def _violations(name: str, value: Any, path: str) -> Iterator[str]:
    shape = SHAPES[name]
    if shape["type"] == "structure":
        for member, target in shape["members"].items():
            inner = f"{path}.{_camel(member)}" if path else _camel(member)
            if member in value:
                yield from _violations(target, value[member], inner)
            elif member in shape["required"]:
                yield f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"
        return
    for rule in _violated(shape, value):
        shown = "Value" if shape.get("sensitive") else f"Value '{_text(value)[:MAX_SHOWN_CHARACTERS]}'"
        yield f"{shown} at '{path}' failed to satisfy constraint: Member must {rule}"
    if shape["type"] == "list":
        for number, item in enumerate(value, start=1):
            yield from _violations(shape["member"], item, f"{path}.{number}.member")


def _violated(shape: Mapping[str, Any], value: Any) -> Iterator[str]:
    low, high = shape.get("min"), shape.get("max")
    if shape["type"] in {"string", "list", "blob"}:
        if low is not None and len(value) < low:
            yield f"have length greater than or equal to {low}"
        if high is not None and len(value) > high:
            yield f"have length less than or equal to {high}"
    elif not isinstance(value, bool):
        if low is not None and value < low:
            yield f"have value greater than or equal to {low}"
        if high is not None and value > high:
            yield f"have value less than or equal to {high}"
    if "pattern" in shape and not _pattern(shape["pattern"]).fullmatch(value):
        yield f"satisfy regular expression pattern: {shape['pattern']}"
    if "enum" in shape and value not in shape["enum"]:
        yield f"satisfy enum value set: [{', '.join(shape['enum'])}]"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a compiled pattern. AWS uses Java's patterns, whose character classes are ASCII."""
    return re.compile(text, re.ASCII)


def _camel(member: str) -> str:
    """Return the path name of a member: ``OrganizationId`` is reported as ``organizationId``."""
    return member[0].lower() + member[1:]


def _text(value: Any) -> str:
    return f"[{', '.join(_text(item) for item in value)}]" if isinstance(value, list) else str(value)
