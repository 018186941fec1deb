"""The facts that a mail flow rule, or a DMARC policy, was applied to recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.event_log import DmarcPolicyApplied, RuleAction, RuleApplied
from postroom.model.facts import EventName
from postroom.model.rules import ActionType
from postroom.model.verdicts import DmarcPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.facts import Fact
    from postroom.routing.flow import Flow


def rule_applied(
    flow: Flow, rule_id: str, version: int, name: str, action: ActionType, recipients: Sequence[str], part: str
) -> Fact:
    """Return the fact that a rule decided about recipients; of those that it drops nothing else follows.

    Args:
        part: what the fact's key ends with, where recipients were added to a flow; else empty.
    """
    did = RuleAction(action=action.value, recipients=tuple(recipients))
    event = RuleApplied(rule_name=name, rule_type="INBOUND_RULE", rule_actions=(did,))
    data = {"ruleId": rule_id, "rulesVersion": version, "final": action is ActionType.DROP}
    return flow.fact(EventName.RULE_APPLIED, f":{rule_id}{part}", event=event.fields(), data=data)


def policy_applied(flow: Flow, author: str, policy: DmarcPolicy, recipients: Sequence[str], part: str) -> Fact:
    """Return the fact that the DMARC policy of the domain of ``author`` was applied; REJECT ends the message.

    Args:
        part: as for ``rule_applied``.
    """
    event = DmarcPolicyApplied(from_=author, recipients=tuple(recipients), policy=policy)
    data = {"final": policy is DmarcPolicy.REJECT}
    return flow.fact(EventName.DMARC_POLICY_APPLIED, part, event=event.fields(), data=data)
