"""What every maker gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.aws import Aws


@dataclass(frozen=True)
class Resource:
    """One resource to make: its properties are resolved; `folder` holds the files that they name."""

    aws: Aws
    logical_id: str
    stack_name: str
    properties: Mapping[str, Any]
    folder: Path = field(default_factory=Path)
    suffix: str = ""

    @property
    def physical_name(self) -> str:
        """What CloudFormation would call it; `up` leaves the random part out: state lives as long as the process."""
        return f"{self.stack_name}-{self.logical_id}{self.suffix}"

    def only(self, *names: str) -> dict[str, Any]:
        """Return those of the named properties that the template sets."""
        return {name: self.properties[name] for name in names if name in self.properties}


@dataclass(frozen=True)
class Made:
    """What Ref and GetAtt give."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


Maker = Callable[[Resource], Made]


def tags(resource: Resource) -> list[dict[str, str]]:
    """Return the resource's tags in the shape most services share."""
    given: list[dict[str, str]] = list(resource.properties.get("Tags", []))
    return given


def flag(value: object) -> bool:
    """Read a boolean property, which YAML or a parameter may have left a string."""
    return str(value).lower() == "true"


def applicable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy without the statements that refuse plain HTTP: every local endpoint is plain HTTP."""
    given = document["Statement"]
    every = [given] if isinstance(given, dict) else given
    statements = [statement for statement in every if not _refuses_plain_http(statement)]
    return {**document, "Statement": statements}


def _refuses_plain_http(statement: Mapping[str, Any]) -> bool:
    transport = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement["Effect"] == "Deny" and str(transport).lower() == "false"
