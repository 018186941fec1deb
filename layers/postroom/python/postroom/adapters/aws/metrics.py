"""Metrics as lines of the function's own log: CloudWatch's embedded metric format.

A line needs no request, which could fail or be throttled while a batch waits. Powertools' Metrics is not used: it
writes one set of dimensions at a time, stamped with the present time, but a batch has many organizations and the times
of its facts. Source: CloudWatch User Guide, "Embedded metric format specification".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.ports.metrics import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

DIMENSION: Final = "OrganizationId"
"""Name of the only dimension. Ours: the guide names none."""

MAX_VALUES: Final = 100
"""Most observations of one metric in one line. Source: as above."""


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """Implements ``Metrics``.

    Attributes:
        write: gets one line without a line end.
        by_organization: whether each organization has metrics of its own, which cost $0.30 per month and name. Lines
            name the organization in any case, for queries of Logs Insights.
    """

    namespace: str
    write: Callable[[str], object]
    by_organization: bool = False

    def count(
        self, organization_id: str, at_ms: int, counts: Mapping[str, int], zeros: Mapping[str, int] | None = None
    ) -> None:
        dimensions: list[list[str]] = [[], [DIMENSION]] if self.by_organization else [[]]
        for values in _lines(counts, zeros or {}):
            line = _line(self.namespace, at_ms, dict.fromkeys(values, "Count"), dimensions)
            self.write(_text({**line, DIMENSION: organization_id, **values}))


@dataclass(frozen=True, slots=True)
class EmbeddedStackMetrics:
    """Implements ``StackMetrics``. ``write`` gets one line without a line end; ``now`` is in milliseconds."""

    namespace: str
    write: Callable[[str], object]
    now: Callable[[], int]

    def record(self, values: Mapping[str, float]) -> None:
        line = _line(self.namespace, self.now(), {name: UNITS[name] for name in values}, [[]])
        self.write(_text({**line, **values}))


def _line(namespace: str, at_ms: int, units: Mapping[str, str], dimensions: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return what makes a line one of metrics. An empty set of dimensions is the metric by its name alone."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    directive = {"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics}
    return {"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}}


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"))


def _lines(counts: Mapping[str, int], zeros: Mapping[str, int]) -> Iterator[dict[str, list[int]]]:
    """Divide observations into lines with at most ``MAX_VALUES`` per metric."""
    names = dict.fromkeys((*counts, *zeros))
    rest = {name: [1] * counts.get(name, 0) + [0] * zeros.get(name, 0) for name in names}
    while rest := {name: values for name, values in rest.items() if values}:
        yield {name: values[:MAX_VALUES] for name, values in rest.items()}
        rest = {name: values[MAX_VALUES:] for name, values in rest.items()}
