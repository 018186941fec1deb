"""What a million messages cost: every call that functions make for one message, at list prices.

The first message after a start fills caches (the compiled rules, log streams); a later one is counted. Its call of KMS
is counted per minute, because a mailbox's key is cached for one minute.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.core import rules
from benchmarks.pipeline import pipeline
from benchmarks.prices import Unit, dollars
from tests.support.rule_callees import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLION: Final = 1_000_000
DECRYPTS: Final = 30 * 24 * 60 / MILLION
"""Calls of KMS a message, where a million come in 30 days to one mailbox: one a minute. Source: PLAIN_KEY_SECONDS."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What one message costs.

    Attributes:
        units: by function and unit; requests before ingest count as "SES and SNS".
        calls: by function and operation.
        invocations: by function, each of one record.
        logged: bytes that functions write to their own logs, metrics included.
        gigabytes: memory of each function.
    """

    units: Mapping[tuple[str, Unit], float]
    calls: Mapping[tuple[str, str], int]
    invocations: Mapping[str, int]
    logged: int
    gigabytes: Mapping[str, float]

    @property
    def dollars(self) -> float:
        """For a million messages."""
        return sum(dollars(unit, count * MILLION) for (_, unit), count in self.units.items())

    def by_function(self) -> dict[str, float]:
        """Return the dollars of each function's calls, for a million messages."""
        found: Counter[str] = Counter()
        for (function, unit), count in self.units.items():
            found[function] += dollars(unit, count * MILLION)  # type: ignore[assignment]  # counts of dollars
        return dict(found)

    def ours(self) -> dict[tuple[str, str], int]:
        """Return the calls of the stations, without a customer's function and the projection of facts."""
        return {
            (function, operation): count
            for (function, operation), count in self.calls.items()
            if function != "RecordEventsFunction" and operation != "Invoke"
        }

    def by_unit(self) -> dict[Unit, float]:
        """Return how many of each unit one message takes."""
        found: Counter[Unit] = Counter()
        for (_, unit), count in self.units.items():
            found[unit] += count  # type: ignore[assignment]  # half units
        return dict(found)

    def beside(self) -> dict[str, float]:
        """Return dollars for a million messages that the budget leaves out."""
        requests = sum(self.invocations.values())
        time = sum(count * self.gigabytes[name] * 0.1 for name, count in self.invocations.items())
        return {
            "SES receives the message": dollars(Unit.SES_MESSAGE, MILLION),
            "SES stores it": dollars(Unit.S3_PUT, MILLION),
            "Lambda, invocations at batch size 1": dollars(Unit.LAMBDA_REQUEST, requests * MILLION),
            "Lambda, each 100 ms of every invocation": dollars(Unit.LAMBDA_TIME, time * MILLION),
            "functions' own logs and metrics lines": dollars(Unit.LOGS, self.logged * MILLION),
        }


def count(*, users: int, patterns: int, matching: bool = False, listener: bool = False, calling: bool = False) -> Bill:
    """Count the calls for one message to one mailbox.

    Args:
        users: of the organization, the recipient among them.
        patterns: sender patterns of its rules.
        matching: whether a rule decides about the message.
        listener: whether a rule on the event bus matches every event.
        calling: whether a rule calls a function, which answers DEFAULT.

    Raises:
        LookupError: a call was made that has no price.
        RuntimeError: a function failed.
    """
    with pipeline() as stations:
        stations.add_users(users - 1)
        recipient = stations.add_user("ann.archer")
        called = [stations.callees.rule(lambda _: ALL)] if calling else []
        stations.keep_rules([*rules(patterns, matching=matching).rules, *called])
        if listener:
            stations.listen()
        for _ in range(2):  # the first fills what functions keep
            stations.clear()
            stations.message(recipient)
        units: dict[tuple[str, Unit], float] = dict(stations.meter.units)
        if any(unit is Unit.KMS for _, unit in units):
            raise RuntimeError("KMS was called although the key was read a moment ago")
        units["DeliverFunction", Unit.KMS] = DECRYPTS
        memory = {each.logical_id: each.memory_mb / 1024 for each in stations.stack.project.functions}
        logged = sum(stations.logged.values())
        return Bill(units, dict(stations.meter.calls), dict(stations.invocations), logged, memory)
