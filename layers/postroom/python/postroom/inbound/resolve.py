"""Who gets a message: envelope recipients become mailboxes, each once, or an answer why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.model.addresses import Address
from postroom.model.directory import Addressee, EntityKind, EntityState, MailDomain, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from postroom.ports.directory import Addressees

ROLE_ADDRESSES: Final = frozenset({"postmaster", "abuse"})
"""Local parts that every domain must accept. Source: RFC 5321 4.5.1, RFC 2142."""


@dataclass(frozen=True, slots=True)
class Target:
    """A mailbox that gets the message, and the envelope recipient that led there first."""

    mailbox_id: str
    recipient: str
    delivered_to: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An envelope recipient that nobody stands behind. ``status`` is an enhanced status code (RFC 3463)."""

    recipient: str
    reason: str
    status: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A member of a group that gets nothing, without anybody being told."""

    member_id: str
    group: str
    reason: str


@dataclass(slots=True)
class Resolution:
    """What became of all recipients: every one of them led to targets, or stands among the refusals."""

    targets: dict[str, Target] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    skips: dict[str, Skip] = field(default_factory=dict)


UNKNOWN: Final = ("no such mailbox here", "5.1.1")
DISABLED: Final = ("mailbox disabled, not accepting messages", "5.2.1")
REMOTE: Final = ("mailbox lies on another server, which cannot be reached yet", "5.4.4")
EMPTY_GROUP: Final = ("the group has no members that can receive mail", "5.2.4")


def resolve(
    recipients: Collection[str],
    domains: Iterable[MailDomain],
    directory: Addressees,
    *,
    plus_addressing: bool,
) -> Resolution:
    """Find every mailbox behind the envelope recipients of one organization.

    Users and aliases lead to the user's mailbox; groups to those of their members, nested ones included, cycles cut;
    ``user+tag`` to ``user`` where nobody has the tagged address itself (ours); ``postmaster`` and ``abuse`` to the
    organization's fallback mailbox where nobody has them. Disabled members of a group are skipped, a disabled user
    who is addressed directly is refused. Where two paths reach one mailbox the first in the envelope names it.

    Args:
        recipients: envelope recipients, all in one of ``domains``; order matters, duplicates do not.
        domains: the organization's domains that occur, all of one organization.
    """
    by_name = {domain.name: domain for domain in domains}
    organization_id = next(iter(by_name.values())).organization.id
    wanted = _candidates(recipients, plus_addressing=plus_addressing)
    known = directory.resolve(organization_id, {name for names in wanted.values() for name in names})
    walk = _Walk(organization_id, directory, Resolution())
    for recipient, names in wanted.items():
        addressee = next((known[name] for name in names if name in known), None)
        if addressee is not None:
            walk.address(recipient, addressee)
        else:
            walk.unknown(recipient, by_name)
    return walk.found


def _candidates(recipients: Collection[str], *, plus_addressing: bool) -> dict[str, tuple[str, ...]]:
    """Map each recipient to the addresses it may mean, most exact first."""
    wanted: dict[str, tuple[str, ...]] = {}
    for recipient in recipients:
        address = Address.parse(recipient)
        if address is None:
            wanted[recipient] = ()
        elif plus_addressing and address.tag is not None:
            wanted[str(address)] = (str(address), str(address.without_tag()))
        else:
            wanted[str(address)] = (str(address),)
    return wanted


@dataclass(slots=True)
class _Walk:
    """One pass over the recipients; collects into ``found``."""

    organization_id: str
    directory: Addressees
    found: Resolution

    def address(self, recipient: str, addressee: Addressee) -> None:
        if addressee.kind is EntityKind.GROUP and addressee.state is EntityState.ENABLED:
            self._group(recipient, addressee)
        elif addressee.has_mailbox:
            self._target(recipient, addressee)
        else:
            self._refuse(recipient, *_why_not(addressee))

    def unknown(self, recipient: str, domains: dict[str, MailDomain]) -> None:
        address = Address.parse(recipient)
        domain = domains.get(address.domain) if address else None
        fallback = None
        if address and domain and domain.fallback_mailbox and address.local in ROLE_ADDRESSES:
            fallback = self.directory.user(self.organization_id, domain.fallback_mailbox)
        if fallback is not None:
            self.address(recipient, fallback)
        else:
            self._refuse(recipient, *UNKNOWN)

    def _group(self, recipient: str, group: Addressee) -> None:
        """Walk a group breadth first; a group seen before is not entered again."""
        seen, waiting, reached = {group.entity_id}, [group.entity_id], False
        while waiting:
            group_id = waiting.pop(0)
            for member in self.directory.members(self.organization_id, group_id):
                if member.kind is EntityKind.GROUP and member.state is EntityState.ENABLED:
                    if member.entity_id not in seen:
                        seen.add(member.entity_id)
                        waiting.append(member.entity_id)
                elif member.has_mailbox:
                    self._target(recipient, member)
                    reached = True
                else:
                    reason, _ = _why_not(member)
                    self.found.skips.setdefault(member.entity_id, Skip(member.entity_id, recipient, reason))
        if not reached:
            self._refuse(recipient, *EMPTY_GROUP)

    def _target(self, recipient: str, addressee: Addressee) -> None:
        mailbox = addressee.entity_id
        self.found.targets.setdefault(mailbox, Target(mailbox, addressee.primary_address or recipient, recipient))

    def _refuse(self, recipient: str, reason: str, status: str) -> None:
        self.found.refusals.append(Refusal(recipient, reason, status))


def _why_not(addressee: Addressee) -> tuple[str, str]:
    """Say why somebody who exists gets no mail."""
    if addressee.state is EntityState.ENABLED and addressee.role is Role.REMOTE_USER:
        return REMOTE
    return DISABLED
