"""Rules, and the policy's decision about a message in an organization of four users and a group."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.directory import MemoryDirectory
from postroom.contracts.orders import DeliveryOrder, RawLocation
from postroom.inbound import policy
from postroom.inbound.policy import InboundSettings
from postroom.mime.headers import Headers
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.facts import EventName, Fact
from postroom.model.records import (
    AddressClaim,
    Domain,
    DomainState,
    Entity,
    Insert,
    Membership,
    Organization,
    OrganizationState,
)
from postroom.model.rule_index import RuleSet
from postroom.model.rules import ActionType, Direction, Pattern, Rule, RuleAction
from postroom.model.verdicts import Verdicts
from postroom.routing.plan import Flow, refused_recipient
from postroom.routing.resolve import by_organization
from tests.support.builders import NOON, ORG, TRACE, arn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.routing.plan import Plan

USERS: Final = ("ann", "ben", "cleo", "dan")
TEAM: Final = ("ann", "ben")
DROP, BOUNCE, JUNK, DEFAULT, BYPASS = (
    ActionType.DROP,
    ActionType.BOUNCE,
    ActionType.MOVE_TO_JUNK,
    ActionType.DEFAULT,
    ActionType.BYPASS_SPAM_CHECK,
)
FLOW: Final = Flow(
    TRACE, ORG, "bob@example.org", RawLocation(bucket="inbound-bucket", key="inbound/1"), 100, NOON, NOON
)
_age = itertools.count(NOON)


def rule(
    action: ActionType, senders: Sequence[str] | str = "*", recipients: Sequence[str] | str = "*", **changes: Any
) -> Rule:
    """Make a rule, inbound unless ``direction`` is given; each is younger than the one before."""
    created = next(_age)
    given: dict[str, Any] = {"id": f"r{created}", "name": f"{action} {senders}", "message": None, "created": created}
    given |= changes
    return Rule(
        id=given["id"],
        name=given["name"],
        direction=given.get("direction", Direction.INBOUND),
        description="",
        sender_patterns=tuple(map(Pattern.parse, [senders] if isinstance(senders, str) else senders)),
        recipient_patterns=tuple(map(Pattern.parse, [recipients] if isinstance(recipients, str) else recipients)),
        action=RuleAction(action, given["message"], given.get("call"), given.get("gateway")),
        created=given["created"],
        modified=given["created"],
    )


def use(directory: MemoryDirectory, *, enforced: bool = True, version: int = 1) -> None:
    """Fill a directory: ``acme.test`` with ann, ben, cleo and dan, the group team (ann, ben), and sub.acme.test."""
    made = Organization(
        id=ORG,
        arn=arn(ORG),
        alias="acme",
        state=OrganizationState.ACTIVE,
        directory_id="d-1",
        kms_key_arn="k",
        default_domain="acme.test",
        fingerprint="f",
        created=NOON,
    )
    directory.commit([Insert(made)])
    for domain in ("acme.test", "sub.acme.test"):
        row = Domain(
            name=domain,
            organization=made.ref,
            is_test=False,
            state=DomainState.ACTIVE,
            dmarc_enforced=enforced,
            rules_version=version,
        )
        directory.commit([Insert(row)])
    for name in (*USERS, "team"):
        kind = EntityKind.GROUP if name == "team" else EntityKind.USER
        address = f"{name}@acme.test"
        alias = f"{name}@sub.acme.test"
        entity = Entity(
            organization_id=ORG,
            id=name,
            kind=kind,
            name=name,
            state=EntityState.ENABLED,
            created=NOON,
            role=Role.USER if kind is EntityKind.USER else None,
            email=address,
            aliases=(alias,),
        )
        claims = [
            Insert(AddressClaim(address=each, organization_id=ORG, entity_id=name, kind=kind))
            for each in (address, alias)
        ]
        directory.commit([Insert(entity), *claims])
    for name in TEAM:
        member = Membership(organization_id=ORG, group_id="team", member_id=name, member_kind=EntityKind.USER)
        directory.commit([Insert(member)])


def plan(
    rules: Sequence[Rule],
    head: bytes,
    *recipients: str,
    verdicts: Verdicts | None = None,
    enforced: bool = True,
) -> Plan:
    """Return what the policy decides; a recipient without ``@`` is one of acme.test."""
    directory = MemoryDirectory()
    use(directory, enforced=enforced)
    names = [name if "@" in name else f"{name}@acme.test" for name in recipients]
    ((domains, addresses),), unknown_domains = by_organization(names, directory)
    assert not unknown_domains
    here = InboundSettings(domains, RuleSet(rules, Direction.INBOUND), plus_addressing=True)
    headers = Headers.of(head + b"\r\n\r\nbody")
    return policy.decide(FLOW, headers, verdicts or Verdicts(), addresses, here, directory, "")


@dataclass(frozen=True)
class Applied:
    """A rule that decided about recipients."""

    rule_id: str
    name: str
    action: str
    recipients: tuple[str, ...]

    @classmethod
    def of(cls, fact: Fact) -> Applied:
        (did,) = fact.event["ruleActions"]
        return cls(fact.data["ruleId"], fact.event["ruleName"], did["action"], tuple(did["recipients"]))


def applied(plan: Plan) -> list[Applied]:
    """Return the rules that decided about recipients, in the plan's order."""
    return [Applied.of(fact) for fact in plan.facts if fact.name is EventName.RULE_APPLIED]


def refused(plan: Plan) -> list[str]:
    """Return the recipients that are refused, in the plan's order."""
    return [refused_recipient(fact) for fact in plan.facts if refused_recipient(fact)]


def deliveries(plan: Plan) -> list[DeliveryOrder]:
    """Return the orders for mailboxes, in the plan's order."""
    return [entry for entry in plan.entries if isinstance(entry, DeliveryOrder)]


def became(
    rules: Sequence[Rule],
    head: bytes,
    *recipients: str,
    verdicts: Verdicts | None = None,
    enforced: bool = True,
) -> dict[str, str]:
    """Return the folder by mailbox, the reason by address that bounced, and DROP by address that was dropped."""
    decided = plan(rules, head, *recipients, verdicts=verdicts, enforced=enforced)
    outcome = {order.mailbox_id: order.folder for order in deliveries(decided)}
    for fact in decided.facts:
        if recipient := refused_recipient(fact):
            bounced = fact.event["bouncedRecipient"]
            outcome[recipient.partition("@")[0]] = f"{bounced['status']} {bounced['reason']}"
        elif fact.data.get("final"):
            dropped = fact.event.get("recipients") or Applied.of(fact).recipients
            outcome |= {recipient.partition("@")[0]: "DROP" for recipient in dropped}
    return outcome
