"""Plans as the version of 2026-11-29 froze them: an upgrade may come between two chunks of a large flow.

One JSON array per line: the kind of an entry and its values. A rule's decision had the flow's own values in a line in
front. Once no flow can have such a plan any more (``RETENTION_AFTER_FINAL_DAYS`` after the upgrade), this module goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.contracts.orders import RawLocation, RuleCall
from postroom.model.rules import ActionType, Direction
from postroom.model.verdicts import DmarcPolicy
from postroom.routing.plan import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.contracts.orders import Order
    from postroom.model.facts import Fact


def is_former(lines: Sequence[Any]) -> bool:
    """Say whether these are the lines of such a plan."""
    return any(isinstance(line, list) for line in lines[:2])


def entries(lines: Sequence[Any], flow: Callable[[], Flow]) -> tuple[Fact | Order, ...]:
    """Return the facts and orders that the lines stand for. ``flow`` returns the message that the plan is about."""
    about = flow()
    if isinstance(lines[0], dict):
        own = lines[0] | {"raw": RawLocation(**lines[0]["raw"])}
        about, lines = Flow(**own, now=about.now), lines[1:]
    return tuple(_entry(about, *line) for line in lines)


def _entry(flow: Flow, kind: str, *values: Any) -> Fact | Order:
    match kind:
        case "Target":
            return flow.delivery(*values)
        case "Refusal":
            return flow.refused(*values)
        case "Skip":
            return flow.skipped(*values)
        case "Applied":
            rule_id, version, name, action, recipients, part = values
            return flow.rule_applied(rule_id, version, name, ActionType(action), recipients, part)
        case "Policy":
            author, policy, recipients, part = values
            return flow.policy_applied(author, DmarcPolicy(policy), recipients, part)
        case _:
            return _call(flow, *values)


def _call(flow: Flow, rule_id: str, version: int, name: str, function_arn: str, *more: Any) -> RuleCall:
    names = ("synchronous", "fallback", "timeout_minutes", "mail_from", "sender", "subject", "recipients", "others")
    said = dict(zip((*names, "spam", "part"), more, strict=True))
    return RuleCall(
        trace=flow.trace,
        organization_id=flow.organization_id,
        rule_id=rule_id,
        rules_version=version,
        rule_name=name,
        direction=Direction.INBOUND,
        function_arn=function_arn,
        envelope_from=flow.envelope_from,
        raw=flow.raw,
        size=flow.size,
        received_at=flow.received_at,
        since=flow.now,
        **said,
    )
