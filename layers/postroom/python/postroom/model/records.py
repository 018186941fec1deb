"""Records of the directory: organizations, domains, entities, and claims of unique names.

Dates are milliseconds since the epoch. Records with a ``version`` are replaced only at the version that was read; the
store adds one with every replacement. Display forms (``name``, ``email``, ``aliases``) keep their case; claims are
lower-case. Ids are stored, never derived, so that an import can keep existing ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from postroom.model.directory import Addressee, EntityKind, EntityState, MailDomain, Monitoring, OrganizationRef, Role
from postroom.model.owned import Owned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.availability import Provider
    from postroom.model.resources import BookingOptions, ResourceType
    from postroom.model.rules import Rule


class OrganizationState(StrEnum):
    """States of an organization. Source: contracts 7.3 (free text in the model, these in practice)."""

    CREATING = "Creating"
    ACTIVE = "Active"
    DELETING = "Deleting"
    DELETED = "Deleted"


class DomainState(StrEnum):
    """Progress of a domain's setup in SES (ours; the API does not show it)."""

    REGISTERING = "REGISTERING"
    ACTIVE = "ACTIVE"
    DEREGISTERING = "DEREGISTERING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """An organization.

    Attributes:
        fingerprint: digest of the parameters of its creation, to continue an interrupted creation.
        fallback_mailbox: id of the user that gets mail to postmaster@ and abuse@ (ours: the first enabled user).
        rules_version: version of the compiled rule set that applies; 0 if there was never a rule.
        access_version: grows with every change of access control rules; 0: there is the default rule alone.
        own_device_rules: False as long as its mobile device access rules were never changed: then it has the default.
        log_group_arn: ends in ``:*``; None if no email monitoring is configured.
        spread: False as long as some domain rows may have older routing data than this row.
        deleting: when its deletion began.
        former_domains: names of its domains, while it is being deleted: parked notifications may name them.
        keys_gone: the keys of its mailboxes are removed.
        searched_to: key up to which the stored mail was searched for its messages; None: begin with the first.
        search_begun: when that search began.
        several_rules: SES had more than one receipt rule while the organization was being deleted.
        cleared: when a deletion found nothing left; until then each run checks again.
    """

    id: str
    arn: str
    alias: str
    state: OrganizationState
    directory_id: str
    kms_key_arn: str
    default_domain: str
    fingerprint: str
    created: int
    completed: int | None = None
    deleted: int | None = None
    deleting: int | None = None
    former_domains: tuple[str, ...] = ()
    keys_gone: bool = False
    searched_to: str | None = None
    search_begun: int | None = None
    several_rules: bool = False
    cleared: int | None = None
    fallback_mailbox: str | None = None
    rules_version: int = 0
    access_version: int = 0
    dmarc_enforced: bool = True
    own_device_rules: bool = False
    log_group_arn: str | None = None
    role_arn: str | None = None
    spread: bool = True
    version: int = 1

    @property
    def ref(self) -> OrganizationRef:
        """The part that stations read for each message."""
        return OrganizationRef(
            id=self.id,
            arn=self.arn,
            alias=self.alias,
            kms_key_arn=self.kms_key_arn,
            active=self.state is OrganizationState.ACTIVE,
        )

    def monitoring(self, *, default_enabled: bool) -> Monitoring:
        """Return the settings of the event log; ``default_enabled`` applies if nothing is configured.

        A deleted organization has no default log group: the group is named by the alias, which may be another
        organization's by now.
        """
        log_group = self.log_group_arn.split(":log-group:")[1].removesuffix(":*") if self.log_group_arn else None
        return Monitoring(
            alias=self.alias,
            enabled=(default_enabled and self.state is not OrganizationState.DELETED) or log_group is not None,
            log_group=log_group,
            role_arn=self.role_arn,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A mail domain with a copy of its organization's routing data, so that a message needs one read.

    Attributes:
        name: lower-case A-labels.
        verified: True once SES has confirmed the ownership; never reset.
        verification_token: value of the TXT record at ``_amazonses.<name>``; empty until SES has returned it.
    """

    name: str
    organization: OrganizationRef
    is_test: bool
    state: DomainState
    rules_version: int = 0
    dmarc_enforced: bool = True
    fallback_mailbox: str | None = None
    verified: bool = False
    verification_token: str = ""
    dkim_tokens: tuple[str, ...] = ()
    version: int = 1

    @property
    def is_confirmed(self) -> bool:
        """Whether SES has confirmed the ownership; of test domains, the operator owns the parent (ours)."""
        return self.verified or self.is_test

    @property
    def mail_domain(self) -> MailDomain:
        """The part that ingest reads."""
        return MailDomain(
            name=self.name,
            organization=self.organization,
            is_test=self.is_test,
            rules_version=self.rules_version,
            dmarc_enforced=self.dmarc_enforced,
            fallback_mailbox=self.fallback_mailbox,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A user, group or resource.

    Attributes:
        role: None for groups.
        resource_type: None for users and groups.
        booking_options: None for users and groups.
        email: primary address; None while not registered.
        releasing: lower-case addresses that a deregistration has yet to release, in further transactions.
        attributes: values by botocore's member name (DisplayName, FirstName …), unchanged.
        quota_mb: quota of its mailbox, also if the mailbox does not exist yet; 1 MB = 2^20 bytes.
        mailbox_provisioned: when its mailbox was created.
        mailbox_kept_until: when the mailbox of a deregistered user may be removed.
        mailbox_removing: when a run began to remove its mailbox, which cannot be undone; None if no run has.
    """

    organization_id: str
    id: str
    kind: EntityKind
    name: str
    state: EntityState
    created: int
    role: Role | None = None
    resource_type: ResourceType | None = None
    booking_options: BookingOptions | None = None
    email: str | None = None
    aliases: tuple[str, ...] = ()
    releasing: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False
    quota_mb: int | None = None
    enabled: int | None = None
    disabled: int | None = None
    deleted: int | None = None
    mailbox_provisioned: int | None = None
    mailbox_kept_until: int | None = None
    mailbox_removing: int | None = None
    version: int = 1

    @property
    def addresses(self) -> tuple[str, ...]:
        """Primary address and aliases, lower-case."""
        return tuple(address.lower() for address in ((self.email,) if self.email else ()) + self.aliases)

    @property
    def keeps_mail(self) -> bool:
        """Say whether registering this entity creates a mailbox."""
        return self.kind is not EntityKind.GROUP and self.role is not Role.REMOTE_USER

    @property
    def addressee(self) -> Addressee:
        """The part that ingest reads."""
        return Addressee(
            entity_id=self.id,
            kind=self.kind,
            role=self.role,
            state=self.state,
            primary_address=self.email.lower() if self.email else None,
            has_mailbox=self.keeps_mail and self.state is EntityState.ENABLED,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasClaim:
    """An organization's alias, lower-case; unique in the account."""

    alias: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameClaim:
    """An entity's name, lower-case; unique among users, groups and resources of an organization (ours)."""

    organization_id: str
    name: str
    entity_id: str
    kind: EntityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClaim:
    """An address, lower-case; unique in the account, as primary address or alias."""

    address: str
    organization_id: str
    entity_id: str
    kind: EntityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A user or group is a direct member of a group."""

    organization_id: str
    group_id: str
    member_id: str
    member_kind: EntityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """A user or group is a delegate of a resource.

    A removal also replaces the resource, whose version thus guards its last delegate.
    """

    organization_id: str
    resource_id: str
    delegate_id: str
    delegate_kind: EntityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordHash:
    """A user's password as an argon2 hash in PHC format; not part of the entity, which is read for every message."""

    organization_id: str
    user_id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRecord:
    """A mail-flow rule. Each write also replaces the organization, whose version guards all of its rules."""

    organization_id: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpGateway:
    """An SMTP gateway for outbound mail. Each write also replaces the organization, as with rules.

    Attributes:
        name: unique in its organization, case-insensitive.
        host: a public IP address or host name, in the form of ``model.public_hosts``.
        sealed_password: ciphertext of ``GatewayPasswords``.
    """

    organization_id: str
    id: str
    name: str
    host: str
    port: int
    user_name: str
    sealed_password: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityConfiguration:
    """The provider of free/busy information for a domain, which need not be a domain of the organization.

    Attributes:
        domain: lower-case; unique in its organization.
    """

    organization_id: str
    domain: str
    provider: Provider
    created: int
    modified: int
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientToken:
    """The answer to a request with this token.

    Attributes:
        scope: operation and organization.
        fingerprint: digest of the request's other parameters.
        answer: value from which the operation can answer again.
        expires: seconds since the epoch; compared with the clock, because the table's TTL lags.
    """

    scope: str
    token: str
    fingerprint: str
    answer: str
    expires: int


Record = (
    Organization
    | Domain
    | Entity
    | AliasClaim
    | NameClaim
    | AddressClaim
    | Membership
    | Delegation
    | PasswordHash
    | RuleRecord
    | SmtpGateway
    | AvailabilityConfiguration
    | ClientToken
    | Owned
)
Versioned = Organization | Domain | Entity | AvailabilityConfiguration | Owned


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a record that does not exist yet."""

    record: Record


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a record if the stored version equals the record's; it is stored with the next version."""

    record: Versioned


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing; the transaction needs the stored version to be the record's (a domain's organization as well)."""

    record: Versioned


@dataclass(frozen=True, slots=True)
class Put:
    """Write a record, whether it exists or not."""

    record: PasswordHash | RuleRecord | SmtpGateway | ClientToken | Owned


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a record, if it exists; with ``unchanged`` the stored version must be the record's."""

    record: Record
    unchanged: bool = False


Change = Insert | Replace | Check | Put | Remove
