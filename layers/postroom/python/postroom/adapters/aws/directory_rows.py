"""Records of the directory as rows of DirectoryTable.

    pk                        sk                     row
    ORG#<id>                  ORG                    organization
    ORG#<id>                  USER#|GROUP#|RESOURCE#<id>    entity
    ORG#<id>                  NAME#<name>            entity that has a name
    ORG#<id>                  PASSWORD#<user id>     argon2 hash
    ORG#<id>                  RULE#INBOUND#<id>      mail-flow rule; RULE#OUTBOUND# likewise
    ORG#<id>                  GATEWAY#<id>           SMTP gateway, its password sealed
    ORG#<id>                  AVAILABILITY#<domain>  availability configuration, without a password
    ORG#<id>                  DOMAIN#<name>          list entry
    ORG#<id>                  OWNED#<family>#<key>   record of a family of model.owned (owned_rows.py)
    DOMAIN#<name>             DOMAIN                 domain, with its organization's routing data
    DOMAIN#<name>             ADDRESS#<address>      entity that has an address
    ALIAS#<alias>             ALIAS                  organization that has an alias
    ORGS                      <id>                   list entry
    GROUP#<org>#<group>       <member id>            membership, with the kind of the member
    MEMBER#<org>#<member>     <group id>             list entry of a membership, by member
    DELEGATES#<org>#<resource>  <delegate id>        delegation, with the kind of the delegate
    TOKEN#<scope>             <token>                answer to a client token; expires
    SIGNING_KEY               SIGNING_KEY            bytes that sign page tokens
    LEASE#<name>              LEASE                  holder of a lease on something outside the table; expires

Values are native attribute values; an attribute without a value is absent. ``version`` is the optimistic lock; the
form of a row is another attribute (rows.py). Readers ignore attributes that they do not know, and a replacement leaves
them in the row, so that an older version may run again for a while.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.owned_rows import owned_key
from postroom.adapters.aws.rows import readable
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

if TYPE_CHECKING:
    from postroom.model.records import Record

Key = tuple[str, str]
Item = dict[str, dict[str, Any]]

KINDS: Final = tuple(EntityKind)


def entity_key(organization_id: str, kind: EntityKind, entity_id: str) -> Key:
    """Return the key of an entity."""
    return (f"ORG#{organization_id}", f"{kind.value}#{entity_id}")


def address_key(address: str) -> Key:
    """Return the key of an address claim."""
    return (f"DOMAIN#{address.rpartition('@')[2]}", f"ADDRESS#{address}")


def delegates_key(organization_id: str, resource_id: str) -> str:
    """Return the partition key of a resource's delegations."""
    return f"DELEGATES#{organization_id}#{resource_id}"


def rule_key(organization_id: str, direction: Direction, rule_id: str) -> Key:
    """Return the key of a mail-flow rule."""
    return (f"ORG#{organization_id}", f"RULE#{direction.value}#{rule_id}")


def gateway_key(organization_id: str, gateway_id: str) -> Key:
    """Return the key of an SMTP gateway."""
    return (f"ORG#{organization_id}", f"GATEWAY#{gateway_id}")


def availability_key(organization_id: str, domain: str) -> Key:
    """Return the key of an availability configuration."""
    return (f"ORG#{organization_id}", f"AVAILABILITY#{domain}")


def key_of(record: Record) -> Key:
    """Return the key of a record's own row."""
    match record:
        case Organization():
            return (f"ORG#{record.id}", "ORG")
        case Domain():
            return (f"DOMAIN#{record.name}", "DOMAIN")
        case Entity():
            return entity_key(record.organization_id, record.kind, record.id)
        case AliasClaim():
            return (f"ALIAS#{record.alias}", "ALIAS")
        case NameClaim():
            return (f"ORG#{record.organization_id}", f"NAME#{record.name}")
        case AddressClaim():
            return address_key(record.address)
        case Membership():
            return (f"GROUP#{record.organization_id}#{record.group_id}", record.member_id)
        case Delegation():
            return (delegates_key(record.organization_id, record.resource_id), record.delegate_id)
        case PasswordHash():
            return (f"ORG#{record.organization_id}", f"PASSWORD#{record.user_id}")
        case RuleRecord():
            return rule_key(record.organization_id, record.rule.direction, record.rule.id)
        case SmtpGateway():
            return gateway_key(record.organization_id, record.id)
        case AvailabilityConfiguration():
            return availability_key(record.organization_id, record.domain)
        case ClientToken():
            return (f"TOKEN#{record.scope}", record.token)
        case Owned():
            return owned_key(type(record), record.organization_id, record.key)


def list_key_of(record: Record) -> Key | None:
    """Return the key of a record's list entry, if it has one."""
    match record:
        case Organization():
            return ("ORGS", record.id)
        case Domain():
            return (f"ORG#{record.organization.id}", f"DOMAIN#{record.name}")
        case Membership():
            return (f"MEMBER#{record.organization_id}#{record.member_id}", record.group_id)
        case _:
            return None


def key_item(key: Key) -> Item:
    """Return a key in DynamoDB's form."""
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def to_item(record: Record) -> Item:
    """Return a record's own row."""
    return key_item(key_of(record)) | attributes_of(record)


def attributes_of(record: Record) -> Item:
    """Return a record's members that have a value, in DynamoDB's form."""
    fields = {name: getattr(record, name) for name in members_of(type(record))}
    return {name: _attribute(value) for name, value in fields.items() if value is not None}


def members_of(kind: Any) -> tuple[str, ...]:
    """Return the names of the members of a class of records, or of their parts."""
    return _members_of(kind)


@cache
def _members_of(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this version knows of a row's values; a newer version may have written more."""
    return {name: values[name] for name in members_of(kind) if name in values}


def organization_from(item: Item) -> Organization:
    """Read an organization's row."""
    values = values_of(item)
    former = tuple(values.get("former_domains", ()))
    state = OrganizationState(values["state"])
    return Organization(**_known(Organization, values) | {"state": state, "former_domains": former})


def domain_from(item: Item) -> Domain:
    """Read a domain's row."""
    values = values_of(item)
    return Domain(
        **_known(Domain, values)
        | {
            "organization": OrganizationRef(**_known(OrganizationRef, values["organization"])),
            "state": DomainState(values["state"]),
            "dkim_tokens": tuple(values["dkim_tokens"]),
        }
    )


def entity_from(item: Item) -> Entity:
    """Read an entity's row."""
    values = values_of(item)
    booking = values.get("booking_options")
    return Entity(
        **_known(Entity, values)
        | {
            "kind": EntityKind(values["kind"]),
            "state": EntityState(values["state"]),
            "role": Role(values["role"]) if "role" in values else None,
            "resource_type": ResourceType(values["resource_type"]) if "resource_type" in values else None,
            "booking_options": None if booking is None else BookingOptions(**_known(BookingOptions, booking)),
            "aliases": tuple(values["aliases"]),
            "releasing": tuple(values["releasing"]),
        }
    )


def membership_from(item: Item) -> Membership:
    """Read a membership's row."""
    values = values_of(item)
    return Membership(**_known(Membership, values) | {"member_kind": EntityKind(values["member_kind"])})


def delegation_from(item: Item) -> Delegation:
    """Read a delegation's row."""
    values = values_of(item)
    return Delegation(**_known(Delegation, values) | {"delegate_kind": EntityKind(values["delegate_kind"])})


def password_from(item: Item) -> PasswordHash:
    """Read a password's row."""
    return PasswordHash(**_known(PasswordHash, values_of(item)))


def rule_from(item: Item) -> RuleRecord:
    """Read a mail-flow rule's row."""
    values = values_of(item)
    rule, action = values["rule"], values["rule"]["action"]
    made = Rule(
        **_known(Rule, rule)
        | {
            "direction": Direction(rule["direction"]),
            "sender_patterns": tuple(map(Pattern.stored, rule["sender_patterns"])),
            "recipient_patterns": tuple(map(Pattern.stored, rule["recipient_patterns"])),
            "action": RuleAction(
                ActionType(action["type"]),
                action.get("bounce_message"),
                _call(action.get("call")),
                action.get("gateway_id"),
            ),
        }
    )
    return RuleRecord(organization_id=values["organization_id"], rule=made)


def _call(values: Mapping[str, Any] | None) -> LambdaCall | None:
    if values is None:
        return None
    fallback = values.get("fallback")
    return LambdaCall(**_known(LambdaCall, values) | {"fallback": None if fallback is None else ActionType(fallback)})


def gateway_from(item: Item) -> SmtpGateway:
    """Read an SMTP gateway's row."""
    return SmtpGateway(**_known(SmtpGateway, values_of(item)))


def availability_from(item: Item) -> AvailabilityConfiguration:
    """Read an availability configuration's row."""
    values = values_of(item)
    provider = values["provider"]
    kind = LambdaProvider if "function_arn" in provider else EwsProvider
    known = _known(AvailabilityConfiguration, values)
    return AvailabilityConfiguration(**known | {"provider": kind(**_known(kind, provider))})


def client_token_from(item: Item) -> ClientToken:
    """Read a client token's row."""
    return ClientToken(**_known(ClientToken, values_of(item)))


def _attribute(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": str(value)}
        case bytes():
            return {"B": value}
        case tuple():
            return {"L": [_attribute(inner) for inner in value]}
        case Mapping():
            return {"M": {key: _attribute(inner) for key, inner in value.items()}}
        case Pattern():
            return {"S": value.text}
        case _ if dataclasses.is_dataclass(value):
            members = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return _attribute({name: inner for name, inner in members.items() if inner is not None})
        case _:
            raise TypeError(f"no attribute value for {type(value).__name__}")


def values_of(item: Item) -> dict[str, Any]:
    """Return a row's attributes, without its key, as Python values; lists stay lists.

    Raises:
        NewerFormError: only a newer version reads the row.
    """
    return {name: _value(attribute) for name, attribute in readable(item).items() if name not in {"pk", "sk"}}


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":  # ours are whole; a newer version's may not be
            return int(value) if value.lstrip("-").isdecimal() else float(value)
        case "L":
            return [_value(inner) for inner in value]
        case "M":
            return {key: _value(inner) for key, inner in value.items()}
        case _:
            return value
