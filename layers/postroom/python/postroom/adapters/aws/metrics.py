"""Metrics as lines of the function's own log: CloudWatch's embedded metric format.

A line needs no request, which could fail or be throttled while a batch waits. Powertools' Metrics is not used: it
writes one set of dimensions at a time, stamped with the present time, but a batch has many organizations and the times
of its facts. Source: CloudWatch User Guide, "Embedded metric format specification".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.ports.metrics import WATCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DIMENSION: Final = "OrganizationId"
"""Name of the only dimension. Ours: the guide names none."""

MAX_VALUES: Final = 100
"""Most observations of one metric in one line. Source: as above."""


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """Implements ``Metrics``. ``write`` gets one line without a line end."""

    namespace: str
    write: Callable[[str], object]

    def count(
        self, organization_id: str, at_ms: int, counts: Mapping[str, int], zeros: Mapping[str, int] | None = None
    ) -> None:
        for values in _lines(counts, zeros or {}):
            self.write(json.dumps(self._line(organization_id, at_ms, values), separators=(",", ":")))

    def _line(self, organization_id: str, at_ms: int, values: Mapping[str, list[int]]) -> dict[str, Any]:
        usual, watched = values.keys() - WATCHED, values.keys() & WATCHED
        directives = [
            {
                "Namespace": self.namespace,
                "Dimensions": dimensions,
                "Metrics": [{"Name": name, "Unit": "Count"} for name in values if name in names],
            }
            # an empty set of dimensions is the metric by its name alone
            for names, dimensions in ((usual, [[DIMENSION]]), (watched, [[], [DIMENSION]]))
            if names
        ]
        return {"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": directives}, DIMENSION: organization_id, **values}


def _lines(counts: Mapping[str, int], zeros: Mapping[str, int]) -> Iterator[dict[str, list[int]]]:
    """Divide observations into lines with at most ``MAX_VALUES`` per metric."""
    names = dict.fromkeys((*counts, *zeros))
    rest = {name: [1] * counts.get(name, 0) + [0] * zeros.get(name, 0) for name in names}
    while rest := {name: values for name, values in rest.items() if values}:
        yield {name: values[:MAX_VALUES] for name, values in rest.items()}
        rest = {name: values[MAX_VALUES:] for name, values in rest.items()}
