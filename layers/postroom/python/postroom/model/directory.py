"""Who lives here: organizations, their domains, and everything that has an address.

Addresses and domain names are lower-case wherever they are keys; domain names are A-labels (RFC 5890).
Source of states and kinds: contracts 7.3 (botocore's model of WorkMail).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EntityKind(StrEnum):
    """What an address can belong to; botocore's ``EntityType``."""

    USER = "USER"
    GROUP = "GROUP"
    RESOURCE = "RESOURCE"


class EntityState(StrEnum):
    """Life of an entity: made DISABLED, ENABLED by RegisterToWorkMail, DELETED for good."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    DELETED = "DELETED"


class Role(StrEnum):
    """Role of a user; botocore's ``UserRole``. Groups have none."""

    USER = "USER"
    RESOURCE = "RESOURCE"
    SYSTEM_USER = "SYSTEM_USER"
    REMOTE_USER = "REMOTE_USER"


@dataclass(frozen=True, slots=True)
class OrganizationRef:
    """What the way of a message needs to know of an organization.

    Attributes:
        id: ``m-`` and 32 hexadecimal digits; stored, never derived.
        arn: ``arn:aws:workmail:<region>:<account>:organization/<id>``; the encryption context of its keys.
        alias: also the name of its default log group and of its test domain.
        kms_key_arn: the symmetric key that wraps its mailbox keys.
        active: False while it is made, once it is being deleted, and after.
    """

    id: str
    arn: str
    alias: str
    kms_key_arn: str
    active: bool


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A domain of an organization, with all that ingest needs, so that one read per message is enough.

    Attributes:
        name: lower-case A-labels.
        rules_version: version of the organization's compiled mail-flow rules; 0 while it has none.
        dmarc_enforced: the organization's inbound DMARC setting (on for a new organization).
        fallback_mailbox: id of the user who gets postmaster@ and abuse@ where nobody has those addresses;
            None while the organization has no enabled user.
    """

    name: str
    organization: OrganizationRef
    is_test: bool
    rules_version: int
    dmarc_enforced: bool
    fallback_mailbox: str | None


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom an address means.

    Attributes:
        entity_id: a user's is its mailbox id too.
        role: None for groups.
        primary_address: lower-case; None while the entity is not registered.
        has_mailbox: True where mail can be put: an enabled user (not REMOTE_USER) or resource.
    """

    entity_id: str
    kind: EntityKind
    role: Role | None
    state: EntityState
    primary_address: str | None
    has_mailbox: bool


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Where an organization's event log goes.

    Attributes:
        alias: the organization's; names the default log group.
        enabled: False only where the event log is switched off by a setting of ours.
        log_group: name (not ARN) of the configured group; None means the default group.
        role_arn: role to assume for writing; None means our own role.
    """

    alias: str
    enabled: bool
    log_group: str | None
    role_arn: str | None
