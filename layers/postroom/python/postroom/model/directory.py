"""Organizations, their domains, and the entities that have addresses.

Addresses and domain names are lower-case if they are keys; domain names are A-labels (RFC 5890).
Source of states and kinds: contracts 7.3 (botocore's model of WorkMail).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class EntityKind(StrEnum):
    """Kind of an entity; botocore's ``EntityType``."""

    USER = "USER"
    GROUP = "GROUP"
    RESOURCE = "RESOURCE"


OWNERS: Final = (EntityKind.USER, EntityKind.RESOURCE)
"""Kinds of entities that have a mailbox. The id of the entity is the id of its mailbox."""


class EntityState(StrEnum):
    """State of an entity: DISABLED when created, ENABLED by RegisterToWorkMail, DELETED for ever."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    DELETED = "DELETED"


class Role(StrEnum):
    """Role of a user; botocore's ``UserRole``. Resources have RESOURCE, groups none."""

    USER = "USER"
    RESOURCE = "RESOURCE"
    SYSTEM_USER = "SYSTEM_USER"
    REMOTE_USER = "REMOTE_USER"


@dataclass(frozen=True, slots=True)
class OrganizationRef:
    """The part of an organization that stations read for each message.

    Attributes:
        id: ``m-`` and 32 hexadecimal digits; stored, never derived.
        arn: ``arn:aws:workmail:<region>:<account>:organization/<id>``; the encryption context of its keys.
        alias: also part of the names of its default log group and its test domain.
        kms_key_arn: the symmetric key that wraps its mailbox keys.
        active: False while it is created, while it is deleted, and after that.
    """

    id: str
    arn: str
    alias: str
    kms_key_arn: str
    active: bool


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A domain of an organization, with everything that ingest needs, so that one read per message is enough.

    Attributes:
        name: lower-case A-labels.
        rules_version: version of the organization's compiled mail-flow rules; 0 if there was never a rule.
        dmarc_enforced: the organization's inbound DMARC setting (on for a new organization).
        fallback_mailbox: id of the user that gets mail to postmaster@ and abuse@ if no entity has those addresses;
            None if the organization has no enabled user.
    """

    name: str
    organization: OrganizationRef
    is_test: bool
    rules_version: int
    dmarc_enforced: bool
    fallback_mailbox: str | None


def newest_rules(domains: Iterable[MailDomain]) -> int:
    """Return the version of the rules that hold for mail of some domains of one organization; without one, 0."""
    return max((domain.rules_version for domain in domains), default=0)


@dataclass(frozen=True, slots=True)
class Addressee:
    """The entity that an address belongs to.

    Attributes:
        entity_id: for a user or resource also the mailbox id.
        role: None for groups.
        primary_address: lower-case; None while the entity is not registered.
        has_mailbox: True if mail can be delivered: an enabled user (not REMOTE_USER) or resource.
    """

    entity_id: str
    kind: EntityKind
    role: Role | None
    state: EntityState
    primary_address: str | None
    has_mailbox: bool


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Settings of an organization's event log.

    Attributes:
        alias: alias of the organization; part of the default log group's name.
        enabled: False only if a setting of this deployment switches the event log off.
        log_group: name (not ARN) of the configured group; None means the default group.
        role_arn: role that writes the log; None means the function's own role.
    """

    alias: str
    enabled: bool
    log_group: str | None
    role_arn: str | None
