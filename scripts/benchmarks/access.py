"""How long an access decision takes with 10 and with 1,000 rules, beside ``json.loads`` of a small event.

Every rule names users, protocols and ranges that overlap others', so that each decision joins all kinds of conditions;
the rule that decides is named, as the audit log needs it. What is compared runs in turn, round by round, and the median
of the rounds' ratios counts.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Final

from benchmarks.core import ROUNDS, seconds
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessAction, AccessRule, AccessRuleIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUDGET_LOADS: Final = 3.0
BUDGET_RULES: Final = 1.5

EVENT_BYTES: Final = 2_000
FEW: Final = 10
MANY: Final = 1_000

ADDRESSES: Final = ("10.4.200.7", "10.0.0.1", "192.0.2.77", "203.0.113.9")
USERS: Final = ("user-00007", "user-00003", "user-99999", "user-00500")


@dataclass(frozen=True, slots=True)
class Found:
    """Ratios; medians.

    Attributes:
        loads: a decision about 1,000 rules, in times of ``json.loads``.
        rules: the same, in times of a decision about 10 rules.
    """

    loads: float
    rules: float


def index(count: int) -> AccessRuleIndex:
    """Return so many rules, a tenth of which deny; the last allows everything else."""
    made = [
        AccessRule(
            organization_id="m-1",
            name=f"rule-{number:04d}",
            effect=AccessEffect.DENY if number % 10 == 0 else AccessEffect.ALLOW,
            user_ids=tuple(f"user-{(number * 7 + each) % 2_000:05d}" for each in range(10)),
            actions=(AccessAction.EWS, AccessAction.IMAP),
            ip_ranges=(f"10.{number % 256}.0.0/16", f"10.{number % 256}.{number // 4}.0/24"),
            not_ip_ranges=(f"192.0.2.{number % 256}/32",),
            created=1,
            modified=1,
        )
        for number in range(count - 1)
    ]
    last = AccessRule(organization_id="m-1", name="z", effect=AccessEffect.ALLOW, created=1, modified=1)
    return AccessRuleIndex([*made, last])


def event() -> bytes:
    """Return an event of a REST API of about 2 KB."""
    headers = {f"X-Forwarded-Header-{number}": f"value {number}, and some more text" for number in range(40)}
    text = json.dumps({"httpMethod": "POST", "headers": headers, "requestContext": {"requestId": "r" * 36}})
    return text[:-1].encode() + b', "body": "' + b"x" * max(0, EVENT_BYTES - len(text) - 11) + b'"}'


def measure(rounds: int = ROUNDS) -> Found:
    """Measure everything in turn.

    Raises:
        RuntimeError: a decision was wrong, so that its time is without meaning.
    """
    few, many, text = index(FEW), index(MANY), event()
    for each in (few, many):
        if each.decide("EWS", "203.0.113.9", "user-99999").rule_names != ("z",):
            raise RuntimeError("the last rule does not decide")
    what: Mapping[str, Callable[[], object]] = {
        "loads": lambda: json.loads(text),
        "few": _decisions(few),
        "many": _decisions(many),
    }
    times = [{name: seconds(run) for name, run in what.items()} for _ in range(rounds + 1)][1:]
    return Found(
        loads=statistics.median(each["many"] / each["loads"] for each in times),
        rules=statistics.median(each["many"] / each["few"] for each in times),
    )


def _decisions(rules: AccessRuleIndex) -> Callable[[], object]:
    """Return a function that decides about one access after the other."""
    accesses = cycle([(ip, user) for ip in ADDRESSES for user in USERS])

    def decide() -> str | None:
        ip, user = next(accesses)
        return rules.decide("EWS", ip, user).rule_name

    return decide
