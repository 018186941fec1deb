"""Limits that AWS documents, and how they are read off a deployed template."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from .deployed import Deployed, json_size

Properties = dict[str, Any]
Measure = Callable[[Properties, Deployed], Iterator[float]]

TEMPLATE: Final = "the template"
"""The type of a limit of CloudFormation itself; its properties are the whole body."""


@dataclass(frozen=True)
class Limit:
    """A number that AWS refuses to go beyond."""

    on: str
    """A resource type, or ``TEMPLATE``."""
    what: str
    most: float
    source: str
    """The page of AWS's documentation, and the quota's name there."""
    measure: Measure
    """Gives every number that may not be more than ``most``, or less than ``least``."""
    over: dict[str, Any]
    """A template beyond the limit, as small as it can be."""
    least: float = 0

    def __str__(self) -> str:
        return f"{self.on}: {self.what}"

    def measured(self, stack: Deployed) -> Iterator[tuple[str, float]]:
        """Yield each resource's logical id with each number."""
        subjects = [(TEMPLATE, stack.body)] if self.on == TEMPLATE else stack.of_type(self.on)
        for name, properties in subjects:
            for number in self.measure(properties, stack):
                yield name, number

    def broken(self, stack: Deployed) -> list[str]:
        """Name the resources beyond the limit, by how much, and the source of the limit."""
        return [
            f"{name}: {self.what}: {number:g}, AWS takes {self.least:g} to {self.most:g} ({self.source})"
            for name, number in self.measured(stack)
            if not self.least <= number <= self.most
        ]


def at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Yield the values at a path; ``*`` is every entry of a list, or every value of a mapping."""
    if not path:
        yield value
    elif path[0] == "*":
        entries: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        for entry in entries:
            yield from at(entry, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from at(value[path[0]], path[1:])


def number(*path: str) -> Measure:
    """Measure a number itself."""
    return lambda properties, _: (float(each) for each in at(properties, path))


def count(*path: str) -> Measure:
    """Measure how many entries a list or mapping has; a single value is one."""
    return lambda properties, _: (len(each) if isinstance(each, list | dict) else 1 for each in at(properties, path))


def length(*path: str) -> Measure:
    """Measure the bytes of a text."""
    return lambda properties, _: (len(str(each).encode()) for each in at(properties, path))


def keys(*path: str) -> Measure:
    """Measure the lengths of a mapping's keys."""
    return lambda properties, _: (len(name) for each in at(properties, path) for name in each)


def size(*path: str) -> Measure:
    """Measure the bytes of a document as JSON."""
    return lambda properties, _: (json_size(each) for each in at(properties, path))


def physical_name(kind: str) -> Measure:
    """Measure the names of all resources of a type."""
    return lambda _, stack: (len(stack.name(name)) for name, _ in stack.of_type(kind))


def one(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a template with one resource."""
    return {"Resources": {"Over": {"Type": kind, "Properties": properties}}}


def many(kind: str, number_of: int, **properties: Any) -> dict[str, Any]:
    """Return a template with several resources of one type."""
    return {"Resources": {f"Over{n}": {"Type": kind, "Properties": properties} for n in range(number_of)}}


def policy(statements: int, resource: str = "*") -> dict[str, Any]:
    """Return a policy document."""
    return {"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": resource}] * statements}
