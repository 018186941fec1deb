"""CloudWatch's alarms, as far as template.yaml uses them: statistics by period, datapoints, missing data, sums.

Source: CloudWatch User Guide, "Using Amazon CloudWatch alarms" and "Configuring how CloudWatch alarms treat missing
data". CloudWatch looks at more periods than an alarm evaluates, "the exact number depends on the length of the alarm
period"; the guide's tables show two more, and so do we.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OK: Final = "OK"
ALARM: Final = "ALARM"
NO_DATA: Final = "INSUFFICIENT_DATA"

MINUTE: Final = 60
MORE_PERIODS: Final = 2
"""Periods that CloudWatch retrieves beyond those that an alarm evaluates. Source: the guide's tables."""

STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {"Sum": sum, "Maximum": max}
COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {"GreaterThanThreshold": lambda a, b: a > b}

Metric = tuple[str, str, str]
"""Namespace, name, and the value of the only dimension; empty for none."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One metric of an alarm, with its statistic and its period in seconds."""

    metric: Metric
    statistic: str
    period: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm; a datapoint is the sum of its metrics, and missing if one of them is."""

    watched: tuple[Watched, ...]
    periods: int
    datapoints: int
    threshold: float
    comparison: str
    missing: str

    @property
    def period(self) -> int:
        """Seconds of one datapoint."""
        (period,) = {each.period for each in self.watched}
        return period

    def state(self, points: Sequence[float | None], before: str) -> str:
        """Return the state after an evaluation.

        Args:
            points: of the evaluation range, the oldest first; ``None`` is missing.
            before: the state before.
        """
        breaches = [COMPARISONS[self.comparison](point, self.threshold) for point in points if point is not None]
        if len(breaches) >= self.periods:
            return ALARM if sum(breaches[-self.periods :]) >= self.datapoints else OK
        if self.missing == "ignore":
            if sum(breaches) >= self.datapoints:
                return ALARM
            return before if all(breaches) else OK
        filled = {"breaching": True, "notBreaching": False}[self.missing]
        breaches += [filled] * (self.periods - len(breaches))
        return ALARM if sum(breaches) >= self.datapoints else OK


@dataclass(slots=True)
class CloudWatch:
    """Metrics and the states of alarms. Times are seconds since any beginning that all periods divide.

    ``values`` has the observations of each minute, the resolution of metrics.
    """

    alarms: Mapping[str, Alarm]
    values: defaultdict[tuple[Metric, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    states: dict[str, str] = field(default_factory=dict)

    def put(self, at: int, namespace: str, name: str, value: float, dimension: str = "") -> None:
        """Record one observation."""
        self.values[(namespace, name, dimension), at // MINUTE].append(value)

    def read_line(self, line: str) -> None:
        """Record what a line of a function's log says in the embedded metric format, without its dimensions."""
        said: dict[str, Any] = json.loads(line)
        for directive in said["_aws"]["CloudWatchMetrics"]:
            assert [] in directive["Dimensions"]
            for metric in directive["Metrics"]:
                found = said[metric["Name"]]
                for value in found if isinstance(found, list) else [found]:
                    self.put(said["_aws"]["Timestamp"] // 1000, directive["Namespace"], metric["Name"], value)

    def evaluate(self, now: int) -> set[str]:
        """Evaluate every alarm over the periods that have ended, and return those in ALARM."""
        for name, alarm in self.alarms.items():
            last = now // alarm.period
            places = range(last - alarm.periods - MORE_PERIODS, last)
            points = [self._point(alarm, place) for place in places]
            self.states[name] = alarm.state(points, self.states.get(name, NO_DATA))
        return {name for name, state in self.states.items() if state == ALARM}

    def _point(self, alarm: Alarm, place: int) -> float | None:
        total = 0.0
        for each in alarm.watched:
            minutes = range(place * each.period // MINUTE, (place + 1) * each.period // MINUTE)
            found = [value for minute in minutes for value in self.values.get((each.metric, minute), ())]
            if not found:
                return None
            total += STATISTICS[each.statistic](found)
        return total


def read_alarm(properties: Mapping[str, Any], name_of: Callable[[Any], str]) -> Alarm:
    """Read an alarm of a template.

    Args:
        properties: of AWS::CloudWatch::Alarm.
        name_of: returns what an intrinsic function names, or a text itself.

    Raises:
        KeyError: the alarm uses something that is not evaluated here.
    """
    if "Metrics" in properties:
        (total,) = [each["Expression"] for each in properties["Metrics"] if "Expression" in each]
        parts = {each["Id"]: each["MetricStat"] for each in properties["Metrics"] if "MetricStat" in each}
        ids: list[str] = total.split(" + ")
        stats = [(parts[each]["Metric"], parts[each]["Stat"], parts[each]["Period"]) for each in ids]
    else:
        stats = [(properties, properties["Statistic"], properties["Period"])]
    return Alarm(
        tuple(Watched(_metric(metric, name_of), statistic, period) for metric, statistic, period in stats),
        properties["EvaluationPeriods"],
        properties.get("DatapointsToAlarm", properties["EvaluationPeriods"]),
        properties["Threshold"],
        properties["ComparisonOperator"],
        properties["TreatMissingData"],
    )


def _metric(metric: Mapping[str, Any], name_of: Callable[[Any], str]) -> Metric:
    dimensions = [name_of(each["Value"]) for each in metric.get("Dimensions", ())]
    assert len(dimensions) <= 1
    return name_of(metric["Namespace"]), metric["MetricName"], "".join(dimensions)
