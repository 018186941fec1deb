"""Event filter patterns of event source mappings. Source: AWS, "Control which events Lambda sends to your function"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MISSING: Final = object()


def patterns(filter_criteria: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the decoded patterns of a FilterCriteria member; an empty list lets everything through.

    Raises:
        ValueError: a pattern is not JSON.
    """
    return [json.loads(one["Pattern"]) for one in (filter_criteria or {}).get("Filters", ())]


def passes(event: Mapping[str, Any], any_of: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether an event matches at least one pattern, or there is none."""
    return not any_of or any(_matches(event, pattern) for pattern in any_of)


def _matches(value: object, pattern: Mapping[str, Any]) -> bool:
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(_matches(value, one) for one in wanted):
                return False
            continue
        found = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
        if isinstance(wanted, dict):
            if not _matches(found, wanted):
                return False
        elif not any(_one(found, rule) for rule in wanted):
            return False
    return True


def _one(found: object, rule: object) -> bool:
    if isinstance(found, list):
        return any(_one(member, rule) for member in found)
    if not isinstance(rule, dict):
        return found is not _MISSING and type(found) is type(rule) and found == rule
    (name, operand), *_ = rule.items()
    return _OPERATORS[name](found, operand)


def _numeric(found: object, operand: Sequence[Any]) -> bool:
    if not isinstance(found, int | float) or isinstance(found, bool):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_COMPARISONS[sign](found, limit) for sign, limit in pairs)


def _anything_but(found: object, operand: Any) -> bool:
    if found is _MISSING:
        return False
    if isinstance(operand, dict):
        return not _one(found, operand)
    return found not in (operand if isinstance(operand, list) else [operand])


_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_OPERATORS: Final[dict[str, Callable[[object, Any], bool]]] = {
    "exists": lambda found, operand: (found is not _MISSING) == operand,
    "prefix": lambda found, operand: isinstance(found, str) and found.startswith(operand),
    "suffix": lambda found, operand: isinstance(found, str) and found.endswith(operand),
    "equals-ignore-case": lambda found, operand: isinstance(found, str) and found.lower() == operand.lower(),
    "numeric": _numeric,
    "anything-but": _anything_but,
}
