"""The end of a rule's call whose organization is deleted: no function is called, and the message is not delivered.

The data of a deleted organization reaches no function any more. Its recipients are refused like unknown ones
(docs/decisions/0018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.facts import ORGANIZATION_DELETED, Fact, OwnFact
from postroom.model.rules import Direction
from postroom.routing.plan import Flow, Plan
from postroom.routing.resolve import UNKNOWN
from postroom.rules import outbound

if TYPE_CHECKING:
    from postroom.contracts.orders import RuleCall


def dropped_fact(call: RuleCall, now: int) -> Fact:
    """Return the fact that a rule's function is not called any more."""
    return Fact(
        trace=call.trace,
        organization_id=call.organization_id,
        name=OwnFact.RULE_CALL_DROPPED,
        key=f"{OwnFact.RULE_CALL_DROPPED}:{call.key.partition(':')[2]}",
        at=now,
        data={
            "ruleId": call.rule_id,
            "ruleName": call.rule_name,
            "functionArn": call.function_arn,
            "synchronous": call.synchronous,
            "reason": ORGANIZATION_DELETED,
        },
    )


def refusals(call: RuleCall, now: int) -> Plan:
    """Return the refusals of all recipients about which a synchronous call was to decide."""
    if call.direction is Direction.OUTBOUND:
        return outbound.refusals(call, *UNKNOWN, now)
    flow = Flow.of_call(call, now)
    return Plan(tuple(flow.refused(recipient, *UNKNOWN) for recipient in call.recipients))
