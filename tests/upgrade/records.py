"""Rows of DirectoryTable: records of their own classes, and the families of ``model.owned``."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import sys
from functools import partial
from typing import Any, Final

import postroom.model
from postroom.adapters.aws import directory_rows
from postroom.adapters.aws.directory_rows import to_item, values_of
from postroom.adapters.aws.owned_rows import owned_from
from postroom.model.availability import EwsProvider, LambdaProvider
from postroom.model.directory import EntityKind, EntityState, OrganizationRef, Role
from postroom.model.owned import Owned
from postroom.model.records import (
    AddressClaim,
    AliasClaim,
    AvailabilityConfiguration,
    ClientToken,
    Delegation,
    Domain,
    DomainState,
    Entity,
    Membership,
    NameClaim,
    Organization,
    OrganizationState,
    PasswordHash,
    RuleRecord,
    SmtpGateway,
)
from postroom.model.resources import BookingOptions, ResourceType
from postroom.model.rules import ActionType, Direction, LambdaCall, Pattern, Rule, RuleAction

from .kinds import NOON, ORG, Kind, filled

for module in pkgutil.iter_modules(postroom.model.__path__, "postroom.model."):
    importlib.import_module(module.name)

ARN: Final = f"arn:aws:workmail:us-east-1:123456789012:organization/{ORG}"
KEY_ARN: Final = "arn:aws:kms:us-east-1:123456789012:key/1"
FUNCTION: Final = "arn:aws:lambda:us-east-1:123456789012:function:tag-subjects"

ORGANIZATION: Final = Organization(
    id=ORG,
    arn=ARN,
    alias="acme",
    state=OrganizationState.DELETING,
    directory_id="d-0123456789",
    kms_key_arn=KEY_ARN,
    default_domain="acme.test",
    fingerprint="f",
    created=NOON,
    completed=NOON + 1,
    deleting=NOON + 2,
    former_domains=("acme.test", "old.test"),
    keys_gone=True,
    searched_to="inbound/x",
    search_begun=NOON + 3,
    several_rules=True,
    fallback_mailbox="ann",
    rules_version=7,
    access_version=3,
    dmarc_enforced=False,
    own_device_rules=True,
    log_group_arn="arn:aws:logs:us-east-1:123456789012:log-group:mail:*",
    role_arn="arn:aws:iam::123456789012:role/log",
    spread=False,
    version=9,
)
DOMAIN: Final = Domain(
    name="xn--bcher-kva.example",
    organization=OrganizationRef(id=ORG, arn=ARN, alias="acme", kms_key_arn=KEY_ARN, active=True),
    is_test=False,
    state=DomainState.ACTIVE,
    rules_version=7,
    dmarc_enforced=False,
    fallback_mailbox="ann",
    verified=True,
    verification_token="token",
    dkim_tokens=("a", "b", "c"),
    version=4,
)
USER: Final = Entity(
    organization_id=ORG,
    id="ann",
    kind=EntityKind.USER,
    name="Ann",
    state=EntityState.DISABLED,
    created=NOON,
    role=Role.USER,
    email="Ann@acme.test",
    aliases=("a@acme.test",),
    releasing=("old@acme.test",),
    attributes={"DisplayName": "Ann Ö", "FirstName": ""},
    hidden=True,
    quota_mb=51_200,
    enabled=NOON + 1,
    disabled=NOON + 2,
    deleted=NOON + 3,
    mailbox_provisioned=NOON + 1,
    mailbox_kept_until=NOON + 4,
    mailbox_removing=NOON + 5,
    version=3,
)
ROOM: Final = Entity(
    organization_id=ORG,
    id="room",
    kind=EntityKind.RESOURCE,
    name="Room",
    state=EntityState.ENABLED,
    created=NOON,
    role=Role.RESOURCE,
    resource_type=ResourceType.ROOM,
    booking_options=BookingOptions(auto_accept=False, auto_decline_conflicting=True, auto_decline_recurring=True),
    email="room@acme.test",
)
GROUP: Final = Entity(
    organization_id=ORG, id="all", kind=EntityKind.GROUP, name="All", state=EntityState.ENABLED, created=NOON
)


def rule(**changes: Any) -> RuleRecord:
    made: dict[str, Any] = {
        "id": "r-1",
        "name": "Drop",
        "direction": Direction.INBOUND,
        "description": "why",
        "sender_patterns": (Pattern.parse("*.Bücher.example"), Pattern.parse("ann@example.org")),
        "recipient_patterns": (Pattern.parse("*"),),
        "action": RuleAction(ActionType.BOUNCE, "No, thanks"),
        "created": NOON,
        "modified": NOON + 1,
    }
    return RuleRecord(organization_id=ORG, rule=Rule(**made | changes))


CALL: Final = LambdaCall(FUNCTION, synchronous=True, fallback=ActionType.DROP, timeout_minutes=5)
CALLING: Final = rule(action=RuleAction(ActionType.RUN_LAMBDA, None, CALL))
RELAYING: Final = rule(
    direction=Direction.OUTBOUND, action=RuleAction(ActionType.SMTP_GATEWAY, None, None, "gateway-1")
)
GATEWAY: Final = SmtpGateway(
    organization_id=ORG,
    id="g-1",
    name="Relay",
    host="smtp.example.com",
    port=587,
    user_name="üser",
    sealed_password=b"\0\1\xff",
)
BY_FUNCTION: Final = AvailabilityConfiguration(
    organization_id=ORG, domain="a.test", provider=LambdaProvider(FUNCTION), created=NOON, modified=NOON + 1
)
BY_SERVER: Final = AvailabilityConfiguration(
    organization_id=ORG,
    domain="b.test",
    provider=EwsProvider("https://ews.example.com/EWS/Exchange.asmx", "ann", "v-1"),
    created=NOON,
    modified=NOON + 1,
    version=2,
)


def claimed(row: Any) -> object:
    """Claims are read by the members that name an entity or an organization."""
    return {name: value for name, value in values_of(row).items() if name in CLAIMS}


CLAIMS: Final = frozenset({"alias", "name", "address", "organization_id", "entity_id", "kind"})
OTHER: Final[tuple[tuple[str, Any, Any], ...]] = (
    ("organization", ORGANIZATION, directory_rows.organization_from),
    ("domain", DOMAIN, directory_rows.domain_from),
    ("user", USER, directory_rows.entity_from),
    ("resource", ROOM, directory_rows.entity_from),
    ("group", GROUP, directory_rows.entity_from),
    ("alias", AliasClaim(alias="acme", organization_id=ORG), claimed),
    ("name", NameClaim(organization_id=ORG, name="ann", entity_id="ann", kind=EntityKind.USER), claimed),
    (
        "address",
        AddressClaim(address="a@acme.test", organization_id=ORG, entity_id="ann", kind=EntityKind.USER),
        claimed,
    ),
    (
        "membership",
        Membership(organization_id=ORG, group_id="all", member_id="ann", member_kind=EntityKind.USER),
        directory_rows.membership_from,
    ),
    (
        "delegation",
        Delegation(organization_id=ORG, resource_id="room", delegate_id="ann", delegate_kind=EntityKind.USER),
        directory_rows.delegation_from,
    ),
    ("password", PasswordHash(organization_id=ORG, user_id="ann", hash="$argon2id$x"), directory_rows.password_from),
    ("rule", rule(), directory_rows.rule_from),
    ("rule with a function", CALLING, directory_rows.rule_from),
    ("rule with a gateway", RELAYING, directory_rows.rule_from),
    ("gateway", GATEWAY, directory_rows.gateway_from),
    ("provider that is a function", BY_FUNCTION, directory_rows.availability_from),
    ("provider that is a server", BY_SERVER, directory_rows.availability_from),
    (
        "client token",
        ClientToken(scope="CreateUser#m-1", token="t", fingerprint="f", answer="ann", expires=NOON // 1000),
        directory_rows.client_token_from,
    ),
)


STRICT: Final = (
    Organization,
    Domain,
    OrganizationRef,
    Entity,
    BookingOptions,
    Membership,
    Delegation,
    PasswordHash,
    Rule,
    LambdaCall,
    SmtpGateway,
    AvailabilityConfiguration,
    EwsProvider,
    LambdaProvider,
    ClientToken,
)
"""Classes of which 786d7c63 reads a row, or a part of one, only if it knows every member."""


def members() -> dict[str, list[str]]:
    """Return the members of the classes of ``STRICT``, by class."""
    return {kind.__name__: [each.name for each in dataclasses.fields(kind)] for kind in STRICT}


def families() -> list[type[Owned]]:
    """Return the classes of records that are kept, by family."""
    waiting, found = [Owned], []
    while waiting:
        waiting += (kinds := waiting.pop().__subclasses__())
        found += [kind for kind in kinds if "family" in vars(kind) and _is_in_its_module(kind)]
    return sorted(found, key=lambda kind: kind.family)


def _is_in_its_module(kind: type[Owned]) -> bool:
    """Say whether it is the class of that name. A dataclass with slots is made of another class, which stays known."""
    is_ours = kind.__module__.startswith("postroom.")
    return is_ours and getattr(sys.modules[kind.__module__], kind.__name__, None) is kind


def owned(kind: type[Owned]) -> Kind:
    """Return the kind of a family; its sample has every member."""
    return Kind(
        f"directory: {kind.family}",
        (kind,),
        lambda: to_item(filled(kind)),
        lambda row: owned_from(kind, values_of(row)),
    )


RECORDS: Final = (
    *(Kind(f"directory: {name}", (type(record),), partial(to_item, record), read) for name, record, read in OTHER),
    *map(owned, families()),
)
