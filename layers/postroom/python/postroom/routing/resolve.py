"""Resolves envelope recipients to mailboxes, each once, or to refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.model.addresses import Address
from postroom.model.directory import Addressee, EntityKind, EntityState, MailDomain, Role
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.ports.directory import Addressees
    from postroom.routing.plan import Flow

ROLE_ADDRESSES: Final = frozenset({"postmaster", "abuse"})
"""Local parts that every domain must accept mail for. Source: RFC 5321 4.5.1, RFC 2142."""


@dataclass(slots=True)
class Resolution:
    """Result for all recipients: each led to orders or is among the refusals.

    ``orders`` by mailbox, ``skips`` by group member.
    """

    orders: dict[str, DeliveryOrder] = field(default_factory=dict)
    refusals: list[Fact] = field(default_factory=list)
    skips: dict[str, Fact] = field(default_factory=dict)


_INBOX: Final = Folder.INBOX.value
_JUNK: Final = Folder.JUNK_EMAIL.value

UNKNOWN: Final = ("no such mailbox here", "5.1.1")
DISABLED: Final = ("mailbox disabled, not accepting messages", "5.2.1")
REMOTE: Final = ("mailbox is on another server, which cannot be reached yet", "5.4.4")
EMPTY_GROUP: Final = ("the group has no members that can receive mail", "5.2.4")
"""Reasons of refusals, each with its enhanced status code (RFC 3463). The texts are ours."""


def resolve(
    flow: Flow,
    recipients: Mapping[str, Address],
    domains: Iterable[MailDomain],
    directory: Addressees,
    *,
    plus_addressing: bool,
    junk: Collection[str],
) -> Resolution:
    """Find every mailbox for the envelope recipients of one organization.

    - An address of a user, primary or alias, leads to the user's mailbox.
    - A group leads to the mailboxes of its members, nested groups included; each group is visited once.
    - ``user+tag`` leads to ``user`` if no entity has the tagged address itself (ours).
    - ``postmaster`` and ``abuse`` lead to the organization's fallback mailbox if no entity has them.
    - A disabled member of a group is skipped; a disabled user that is addressed directly is refused.

    A mailbox that several recipients lead to gets one copy, in the inbox if one of them leads there (ours). It is
    delivered to the first recipient that is its own address, which a bounce then names; otherwise to the first group.

    Args:
        recipients: envelope recipients, lower-case, all in one of ``domains``; the order matters.
        domains: the domains that occur, all of one organization.
        junk: recipients for which the message is junk.
    """
    if not recipients:
        return Resolution()
    by_name = {domain.name: domain for domain in domains}
    untagged = _untagged(recipients) if plus_addressing else {}
    addressees = directory.resolve(flow.organization_id, {*recipients, *untagged.values()})
    walk = _Walk(flow, directory, junk, Resolution())
    for recipient, address in recipients.items():
        addressee = addressees.get(recipient)
        if addressee is None and recipient in untagged:
            addressee = addressees.get(untagged[recipient])
        if addressee is not None:
            walk.address(recipient, addressee)
        else:
            walk.unknown(recipient, address, by_name)
    return walk.found


def by_organization(
    recipients: Iterable[str], directory: Addressees
) -> tuple[list[tuple[list[MailDomain], dict[str, Address]]], set[str]]:
    """Group envelope recipients by the organization of their domain; each domain is read once.

    Returns:
        For each organization the domains that occur, and its recipients by their lower-case addresses. Then the domains
        that belong to no active organization.
    """
    domains: dict[str, dict[str, Address] | None] = {}
    groups: dict[str, tuple[list[MailDomain], dict[str, Address]]] = {}
    for recipient in recipients:
        address = Address.parse(recipient)
        local, name = address or ("", "")
        if name not in domains:
            domain = directory.domain(name) if name else None
            if domain is not None and domain.organization.active:
                group = groups.setdefault(domain.organization.id, ([], {}))
                group[0].append(domain)
                domains[name] = group[1]
            else:
                domains[name] = None
        its_recipients = domains[name]
        if address is not None and its_recipients is not None:
            its_recipients[f"{local}@{name}"] = address
    unknown_domains = {name or "a recipient without a domain" for name, found in domains.items() if found is None}
    return list(groups.values()), unknown_domains


def _untagged(recipients: Mapping[str, Address]) -> dict[str, str]:
    """Map each recipient with a tag to the address without it."""
    return {
        name: str(address.without_tag())
        for name, address in recipients.items()
        if "+" in name and address.tag is not None
    }


@dataclass(slots=True)
class _Walk:
    """One pass over the recipients; ``found`` has the result."""

    flow: Flow
    directory: Addressees
    junk: Collection[str]
    found: Resolution
    by_group: set[str] = field(default_factory=set)
    """Mailboxes that only groups have led to so far."""

    def address(self, recipient: str, addressee: Addressee) -> None:
        if addressee.has_mailbox:
            self._deliver(recipient, addressee, direct=True)
        elif addressee.kind is EntityKind.GROUP and addressee.state is EntityState.ENABLED:
            self._group(recipient, addressee)
        else:
            self._refuse(recipient, *_refusal(addressee))

    def unknown(self, recipient: str, address: Address, domains: dict[str, MailDomain]) -> None:
        domain = domains.get(address.domain)
        fallback = None
        if domain and domain.fallback_mailbox and address.local in ROLE_ADDRESSES:
            fallback = self.directory.user(self.flow.organization_id, domain.fallback_mailbox)
        if fallback is not None:
            self.address(recipient, fallback)
        else:
            self._refuse(recipient, *UNKNOWN)

    def _group(self, recipient: str, group: Addressee) -> None:
        """Visit the members of a group breadth-first; each nested group is visited once."""
        seen, waiting, reached = {group.entity_id}, [group.entity_id], False
        while waiting:
            group_id = waiting.pop(0)
            for member in self.directory.members(self.flow.organization_id, group_id):
                if member.kind is EntityKind.GROUP and member.state is EntityState.ENABLED:
                    if member.entity_id not in seen:
                        seen.add(member.entity_id)
                        waiting.append(member.entity_id)
                elif member.has_mailbox:
                    self._deliver(recipient, member, direct=False)
                    reached = True
                else:
                    self._skip(recipient, member)
        if not reached:
            self._refuse(recipient, *EMPTY_GROUP)

    def _deliver(self, recipient: str, addressee: Addressee, *, direct: bool) -> None:
        mailbox = addressee.entity_id
        folder = _JUNK if recipient in self.junk else _INBOX
        found = self.found.orders.get(mailbox)
        if found is None:
            address = addressee.primary_address or recipient
            self.found.orders[mailbox] = self.flow.delivery(mailbox, address, recipient, folder)
            if not direct:
                self.by_group.add(mailbox)
            return
        if found.folder == _JUNK and folder == _INBOX:
            found = self.found.orders[mailbox] = found.model_copy(update={"folder": folder})
        if direct and mailbox in self.by_group:
            self.by_group.remove(mailbox)
            self.found.orders[mailbox] = found.model_copy(update={"delivered_to": recipient})

    def _skip(self, recipient: str, member: Addressee) -> None:
        reason, _ = _refusal(member)
        self.found.skips.setdefault(member.entity_id, self.flow.skipped(member.entity_id, recipient, reason))

    def _refuse(self, recipient: str, reason: str, status: str) -> None:
        self.found.refusals.append(self.flow.refused(recipient, reason, status))


def _refusal(addressee: Addressee) -> tuple[str, str]:
    """Return why an existing entity gets no mail, and the status code."""
    if addressee.state is EntityState.ENABLED and addressee.role is Role.REMOTE_USER:
        return REMOTE
    return DISABLED
