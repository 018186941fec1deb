"""What a million messages cost: every call that functions make for one message, at list prices.

The first message after a start pays for what is kept afterwards (the compiled rules, log streams); what is counted is a
later one, and its call of KMS is counted by the minute, because a mailbox's key is kept for one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.core import rules
from benchmarks.pipeline import way
from benchmarks.prices import Unit, dollars
from tests.support.rule_callees import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLION: Final = 1_000_000
DECRYPTS: Final = 30 * 24 * 60 / MILLION
"""Calls of KMS a message, where a million come in 30 days to one mailbox: one a minute. Source: PLAIN_KEY_SECONDS."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What one message takes.

    Attributes:
        units: by function and unit; what is sent before ingest hears of it is SES's and SNS's.
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
        """Return the calls of the way itself: a customer's function, and the projection of facts, left out."""
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
            "SES takes the message in": dollars(Unit.SES_MESSAGE, MILLION),
            "SES stores it": dollars(Unit.S3_PUT, MILLION),
            "Lambda, invocations at batch size 1": dollars(Unit.LAMBDA_REQUEST, requests * MILLION),
            "Lambda, each 100 ms of every invocation": dollars(Unit.LAMBDA_TIME, time * MILLION),
            "functions' own logs and metrics lines": dollars(Unit.LOGS, self.logged * MILLION),
        }


def count(*, users: int, patterns: int, matching: bool = False, listener: bool = False, asking: bool = False) -> Bill:
    """Count the calls for one message to one mailbox.

    Args:
        users: of the organization, the recipient among them.
        patterns: sender patterns of its rules.
        matching: whether a rule decides about the message.
        listener: whether somebody listens to the bus.
        asking: whether a rule asks a function about the message, which lets it by.

    Raises:
        LookupError: a call was made that has no price.
        RuntimeError: a function failed.
    """
    with way() as road:
        road.crowd(users - 1)
        recipient = road.resident("ann.archer")
        asked = [road.callees.rule(lambda _: ALL)] if asking else []
        road.keep_rules([*rules(patterns, matching=matching).rules, *asked])
        if listener:
            road.listen()
        for _ in range(2):  # the first fills what functions keep
            road.meter.units.clear()
            road.meter.calls.clear()
            road.invocations.clear()
            road.logged.clear()
            road.message(recipient)
        units: dict[tuple[str, Unit], float] = dict(road.meter.units)
        if any(unit is Unit.KMS for _, unit in units):
            raise RuntimeError("KMS was called although the key was read a moment ago")
        units["DeliverFunction", Unit.KMS] = DECRYPTS
        memory = {each.logical_id: each.memory / 1024 for each in road.stack.project.functions}
        logged = sum(road.logged.values())
        return Bill(units, dict(road.meter.calls), dict(road.invocations), logged, memory)
