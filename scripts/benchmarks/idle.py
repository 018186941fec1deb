"""What a stack costs in a month without mail, read off template.yaml: pollers, alarms, keys, metrics, schedules.

Source of the pollers: Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": five, or
two at low traffic where a mapping has no maximum concurrency. With a small quota of the account all of ours have one.
Each poller asks with long polling, 20 seconds (SQS Developer Guide, "Amazon SQS short and long polling").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.prices import Unit, dollars
from local.template.reading import Resolver, load
from postroom.adapters.aws.metrics import EmbeddedMetrics
from postroom.ledger.counting import METRICS
from postroom.ports.metrics import ACCESS_DENIED, ACTION_DENIED, AUTHENTICATION_FAILURE, RULE_FUNCTION_FAILURE, UNITS
from tests.support.alarm_evaluation import CloudWatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEMPLATE: Final = Path(__file__).parents[2] / "template.yaml"
MONTH_S: Final = 30 * 86_400
POLLERS: Final = 5
POLLERS_WITHOUT_MAXIMUM: Final = 2
LONG_POLL_S: Final = 20
SMALL_QUOTA: Final = "10"
QUOTA: Final = "100"
"""AccountConcurrency that the budget is for; a larger one costs the same."""

FREE: Final[Mapping[Unit, int]] = {
    Unit.SQS: 1_000_000,
    Unit.ALARM_METRIC: 10,
    Unit.METRIC: 10,
    Unit.DASHBOARD: 3,
    Unit.LAMBDA_REQUEST: 1_000_000,
    Unit.LAMBDA_TIME: 400_000,
}
"""What AWS does not charge, each month and without an end, if nothing else in the account uses it. A dashboard is free
up to 50 metrics. Source: the pricing pages of SQS, CloudWatch and Lambda."""

SECONDS_OF_A_RUN: Final = 1
"""Seconds that a scheduled function takes where there is nothing to do; a guess on the safe side."""

RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
UNIT_S: Final = {"minute": 60, "hour": 3600, "day": 86_400}

KEYS_OF_MAIL: Final = 1
"""Keys that the budget counts: StackKey. AuditSigningKey is beside it; it costs $1 whatever the rest does."""

ORGANIZATIONS: Final = 1_000
BUDGET: Final = 6.0
BUDGET_ORGANIZATIONS: Final = 50.0


@dataclass(frozen=True, slots=True)
class Idle:
    """How many of each unit an idle stack takes in a month."""

    units: Mapping[Unit, float]

    @property
    def list_price(self) -> float:
        """Dollars without free amounts."""
        return sum(dollars(unit, count) for unit, count in self.units.items())

    @property
    def budgeted(self) -> float:
        """Dollars beyond what is free, with the key of mail alone."""
        return self.dollars - dollars(Unit.KEY, self.units[Unit.KEY] - KEYS_OF_MAIL)

    @property
    def dollars(self) -> float:
        """Dollars beyond what is free."""
        return sum(dollars(unit, max(0, count - FREE.get(unit, 0))) for unit, count in self.units.items())


def measure(quota: str = QUOTA) -> Idle:
    """Count what template.yaml has with a value of AccountConcurrency."""
    template = load(TEMPLATE)
    resources: Mapping[str, Any] = template["Resources"]
    resolver = Resolver(template, {"AccountConcurrency": quota}, "idle", lambda name, _: name)
    events = [event for each in resources.values() for event in each["Properties"].get("Events", {}).values()]
    queues = [event["Properties"] for event in events if event["Type"] == "SQS"]
    runs = list(_scheduled(resources))
    kinds = [each["Type"] for each in resources.values()]
    return Idle(
        {
            Unit.SQS: sum(_pollers(resolver.resolve(each["ScalingConfig"])) for each in queues)
            * MONTH_S
            // LONG_POLL_S,
            Unit.ALARM_METRIC: sum(map(_watched, resources.values())),
            Unit.KEY: kinds.count("AWS::KMS::Key"),
            Unit.METRIC: len(UNITS) - 1,  # FailedRecords has no values where nothing fails
            Unit.DASHBOARD: kinds.count("AWS::CloudWatch::Dashboard"),
            Unit.LAMBDA_REQUEST: sum(number for number, _ in runs),
            Unit.LAMBDA_TIME: sum(number * gigabytes * SECONDS_OF_A_RUN for number, gigabytes in runs),
        }
    )


def metrics_of_organizations() -> float:
    """Return the dollars of the metrics that so many organizations have in a month in which all receive mail."""
    cloud = CloudWatch({})
    names = [*METRICS.values(), RULE_FUNCTION_FAILURE, AUTHENTICATION_FAILURE, ACCESS_DENIED, ACTION_DENIED]
    metrics = EmbeddedMetrics("Postroom", cloud.read_line)
    for number in range(ORGANIZATIONS):
        metrics.count(f"m-{number}", 0, dict.fromkeys(names, 1))
    return dollars(Unit.METRIC, len({metric for metric, _ in cloud.values}))


def _pollers(scaling: Mapping[str, Any]) -> int:
    return POLLERS if "MaximumConcurrency" in scaling else POLLERS_WITHOUT_MAXIMUM


def _watched(resource: Mapping[str, Any]) -> int:
    """Return the metrics that an alarm is charged for."""
    if resource["Type"] != "AWS::CloudWatch::Alarm":
        return 0
    properties = resource["Properties"]
    return sum("MetricStat" in each for each in properties["Metrics"]) if "Metrics" in properties else 1


def _scheduled(resources: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield the runs in a month, and the gigabytes, of each schedule."""
    for each in resources.values():
        for event in each["Properties"].get("Events", {}).values():
            if event["Type"] == "Schedule" and (rate := RATE.fullmatch(event["Properties"]["Schedule"])):
                gap_s = int(rate[1]) * UNIT_S[rate[2]]
                yield MONTH_S / gap_s, each["Properties"]["MemorySize"] / 1024
