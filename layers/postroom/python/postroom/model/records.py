"""What the directory keeps of organizations, domains and entities.

Dates are milliseconds since the epoch. Records with a ``version`` are replaced only at the version that was read; a
store adds one with every replacement. Display forms (``name``, ``email``, ``aliases``) keep the case that was given;
claims are lower-case. Ids are stored, never derived, so that an import can keep the ones that people have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from postroom.model.directory import Addressee, EntityKind, EntityState, MailDomain, Monitoring, OrganizationRef, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.rules import Rule


class OrganizationState(StrEnum):
    """States of an organization. Source: contracts 7.3 (free text in the model, these in practice)."""

    CREATING = "Creating"
    ACTIVE = "Active"
    DELETING = "Deleting"
    DELETED = "Deleted"


class DomainState(StrEnum):
    """Where a domain stands between its row and SES (ours; the API shows none of it)."""

    REGISTERING = "REGISTERING"
    ACTIVE = "ACTIVE"
    DEREGISTERING = "DEREGISTERING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """An organization.

    Attributes:
        fingerprint: of the parameters that it was created with, to resume an interrupted creation.
        fallback_mailbox: id of the user who gets postmaster@ and abuse@ (ours: the first enabled user).
        rules_version: of the compiled rule set that holds; 0 while there has never been a rule.
        log_group_arn: ends in ``:*``; None while no email monitoring is configured.
        spread: False while some domain rows may still carry older routing data than this row.
        deleting: when its deletion began.
        former_domains: the names of its domains, while it is being deleted: what is parked may name them.
        keys_gone: the keys of its mailboxes are removed.
        searched_to: key up to which the stored mail has been looked through for its messages; None: begin again.
        search_begun: when that look began.
        several_rules: more than one receipt rule announced mail while it was being deleted, its own domains' included.
        cleared: when a deletion found nothing left; until then each run looks again.
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
    dmarc_enforced: bool = True
    log_group_arn: str | None = None
    role_arn: str | None = None
    spread: bool = True
    version: int = 1

    @property
    def ref(self) -> OrganizationRef:
        """What the way of a message needs to know."""
        return OrganizationRef(
            id=self.id,
            arn=self.arn,
            alias=self.alias,
            kms_key_arn=self.kms_key_arn,
            active=self.state is OrganizationState.ACTIVE,
        )

    def monitoring(self, *, default_enabled: bool) -> Monitoring:
        """Where the event log goes; ``default_enabled`` holds while nothing is configured.

        Once it is deleted its default group may be another's: that is named by the alias.
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
    """A mail domain with a copy of its organization's routing data, so that a message costs one read.

    Attributes:
        name: lower-case A-labels.
        verified: True once SES has said so; never taken back by us.
        verification_token: value of the TXT record at ``_amazonses.<name>``; empty until SES gave it.
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
    def mail_domain(self) -> MailDomain:
        """What ingest reads."""
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
        email: primary address; None while not registered.
        releasing: lower-case addresses that a deregistration has still to give back (more than one transaction).
        attributes: by botocore's member name (DisplayName, FirstName …), as given.
        quota_mb: of the mailbox that it has or will have.
        mailbox_provisioned: when its mailbox was made.
        mailbox_kept_until: when the mailbox of a deregistered user may be removed.
        mailbox_removing: when a run began to remove its mailbox, which cannot be taken back; None while none does.
    """

    organization_id: str
    id: str
    kind: EntityKind
    name: str
    state: EntityState
    created: int
    role: Role | None = None
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
        """Registering this kind of entity makes a mailbox."""
        return self.kind is not EntityKind.GROUP and self.role is not Role.REMOTE_USER

    @property
    def addressee(self) -> Addressee:
        """What ingest reads."""
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
    """An organization's alias, lower-case: one organization in the account has it."""

    alias: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameClaim:
    """An entity's name, lower-case: unique over users, groups and resources of an organization (ours)."""

    organization_id: str
    name: str
    entity_id: str
    kind: EntityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClaim:
    """An address, lower-case: one entity in the account has it, as primary address or alias."""

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
class PasswordHash:
    """A user's password as an argon2 hash in PHC format; kept apart from the entity, which every message reads."""

    organization_id: str
    user_id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRecord:
    """A mail-flow rule. Whoever writes one replaces the organization, too: its version guards all of its rules."""

    organization_id: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpGateway:
    """Where outbound mail may go instead of SES. Whoever writes one replaces the organization, too, as with rules.

    Attributes:
        name: unique in its organization whatever its case.
        host: a public address or a name in the DNS, as ``model.public_hosts`` writes it.
        sealed_password: what ``GatewayPasswords`` made of it; nobody who reads the record knows more.
    """

    organization_id: str
    id: str
    name: str
    host: str
    port: int
    user_name: str
    sealed_password: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientToken:
    """The answer to a request with this token.

    Attributes:
        scope: operation and organization.
        fingerprint: of the request's other parameters.
        answer: what the operation needs to answer again.
        expires: seconds since the epoch; compared with the clock, since TTL lags.
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
    | PasswordHash
    | RuleRecord
    | SmtpGateway
    | ClientToken
)
Versioned = Organization | Domain | Entity


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a record that is not there."""

    record: Record


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a record whose stored version is the one that it carries; it is stored with the next."""

    record: Versioned


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing, but only if the stored version is still this record's; a domain's, of the same organization."""

    record: Versioned


@dataclass(frozen=True, slots=True)
class Put:
    """Write a record, whatever is there."""

    record: PasswordHash | RuleRecord | SmtpGateway | ClientToken


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a record away, if it is there; ``unchanged``: only if the stored version is still this record's."""

    record: Record
    unchanged: bool = False


Change = Insert | Replace | Check | Put | Remove
