"""Organizations that are being deleted: everything goes, keys first, in pieces, from wherever the last run stopped.

A run does every step that is not done, as long as time allows, and each step may be repeated. First nothing can be
read or called any more: mailboxes' keys, hashes of passwords and gateways go, what is on its way ends, and what is
stored in plain goes. Then the rest goes, and last the names. The organization is Deleted once nothing is left; a while
later, when no function that began before the deletion can run any more, a last look removes what one may have left.

The organization's KMS key, its log group and its facts stay: the first two are its owner's, facts hold no content and
expire (docs/decisions/0018). Source: guide, ZH:3660-3666: it cannot be undone, and its mail is lost for good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.lifecycle.runs import OWNERS, PAGE, kept, pages
from postroom.lifecycle.stored_mail import Others
from postroom.model.directory import EntityKind
from postroom.model.facts import Fact, OwnFact, organization_trace
from postroom.model.limits import RESERVE_MS
from postroom.model.records import AddressClaim, AliasClaim, Check, OrganizationState, Remove, Replace
from postroom.ports.directory import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from postroom.errors import PostroomError
    from postroom.lifecycle.arrivals import ParkedArrivals
    from postroom.lifecycle.open_flows import OpenFlows
    from postroom.lifecycle.stored_mail import StoredMail
    from postroom.model.records import Domain, Entity, Organization
    from postroom.ports.directory import Directory
    from postroom.ports.domain_services import DomainServices
    from postroom.ports.mailbox_removal import MailboxRemoval
    from postroom.ports.organization_removal import OrganizationRemoval
    from postroom.ports.raw_mail import RawArchive
    from postroom.ports.transit import Transit

CLAIMS: Final = MAX_ROWS - 10
"""Address claims that one transaction removes. Ours."""

GONE: Final = (OrganizationState.DELETING, OrganizationState.DELETED)


@dataclass(frozen=True, slots=True)
class Rest:
    """What is known beside one organization.

    Attributes:
        others: ids of those that are not deleted, and not being deleted.
        names: the domains of all that are being deleted, those that are free by now included.
    """

    others: Sequence[str]
    names: Collection[str]


@dataclass(frozen=True, slots=True)
class Deletion:
    """``now`` gives milliseconds since the epoch.

    ``settles`` is for how many milliseconds what is on its way may end by itself, and functions that began before the
    deletion may be alive; then the rest is given up, and the deletion is over.
    """

    directory: Directory
    domain_services: DomainServices
    rows: OrganizationRemoval
    mailboxes: MailboxRemoval
    transit: Transit
    flows: OpenFlows
    arrivals: ParkedArrivals
    stored: StoredMail
    archive: RawArchive
    now: Callable[[], int]
    settles: int

    def run(self, remaining: Callable[[], int]) -> dict[str, int]:
        """Look at every organization once; return how many are deleted now, and with how many the next run goes on.

        Trouble with one organization stops no other; it is raised when all the rest is done, for the alarm.

        Args:
            remaining: milliseconds until the function is stopped.

        Raises:
            PostroomError: the first trouble.
        """
        counts = {"deleted": 0, "unfinished": 0}
        troubles: list[PostroomError] = []
        everyone = list(pages(self.directory.organizations))
        others = [each.id for each in everyone if each.state not in GONE]
        names = {name for each in everyone if each.state in GONE for name in each.former_domains}

        def more() -> bool:
            return remaining() >= RESERVE_MS

        closed: list[Organization] = []
        for organization in everyone:
            if organization.state in GONE and organization.cleared is None:
                with kept(troubles):
                    closed.append(self._close(organization, more))
        for organization in closed:
            with kept(troubles):
                done = self._empty(organization, Rest(others, names), more, troubles)
                counts["deleted" if done else "unfinished"] += 1
        if troubles:
            raise troubles[0]
        return counts

    def _close(self, organization: Organization, more: Callable[[], bool]) -> Organization:
        """Take no mail any more, and remove the mailboxes' keys: of every organization before the rest of any."""
        organization = self._begun(organization)
        self._refuse_mail(organization)
        return self._remove_keys(organization, more)

    def _empty(
        self, organization: Organization, rest: Rest, more: Callable[[], bool], troubles: list[PostroomError]
    ) -> bool:
        """Remove what is behind the keys as far as time allows; ``True`` once the organization is Deleted."""
        begun = organization.deleting or 0
        over = self.now() - begun >= self.settles
        if not (organization.keys_gone and _all(self.rows.remove_secrets, organization.id, more)):
            return False
        ended = self._end_flows(organization, rest, begun, more, troubles, over=over)
        organization, kept = self._look_through(organization, rest.others, more, troubles, over=over)
        if organization.searched_to is not None:
            return False
        released = self._release_domains(organization, more, troubles)
        if not self._remove_entities(organization.id, more):
            return False
        if not (_all(self.rows.remove_rows, organization.id, more) and self._remove_objects(organization.id, more)):
            return False
        return ended and released and (not kept or over) and self._conclude(organization, begun)

    def _begun(self, organization: Organization) -> Organization:
        """Note when the deletion began, and which domains the organization has, before any of them is gone."""
        since = organization.deleting or self.now()
        self.transit.note([self._fact(organization.id, OwnFact.ORGANIZATION_DELETING)])
        names = tuple(domain.name for domain in self._domains(organization.id))
        former = tuple(dict.fromkeys((*organization.former_domains, *names)))
        return self._change(organization, deleting=since, former_domains=former)

    def _change(self, organization: Organization, **changes: object) -> Organization:
        changed = replace(organization, **changes)  # type: ignore[arg-type]  # names of its fields
        if changed == organization:
            return organization
        self.directory.commit([Replace(changed)])
        return replace(changed, version=organization.version + 1)

    def _refuse_mail(self, organization: Organization) -> None:
        """Bring every domain's copy of the organization in step: what arrives belongs to no organization."""
        for domain in self._domains(organization.id):
            if domain.organization != organization.ref:
                copy = replace(domain, organization=organization.ref, fallback_mailbox=None)
                self.directory.commit([Replace(copy)])

    def _end_flows(
        self,
        organization: Organization,
        rest: Rest,
        begun: int,
        more: Callable[[], bool],
        troubles: list[PostroomError],
        *,
        over: bool,
    ) -> bool:
        """Let what is on its way end; ``True`` once nothing stands there. Trouble with it stops no other step."""
        left: int | None = None
        with kept(troubles):
            left = self.flows.end(organization.id, begun, over=over, more=more)
        with kept(troubles):
            self.arrivals.end(organization.id, organization.former_domains, rest.names, rest.others)
        return left == 0

    def _remove_keys(self, organization: Organization, more: Callable[[], bool]) -> Organization:
        """Remove the mailboxes' keys, many at a time: those of 100,000 in less than a run."""
        owners = self._entities(organization.id, *OWNERS)
        while not organization.keys_gone and more():
            ids = [entity.id for entity in islice(owners, PAGE)]
            self.mailboxes.remove_keys(ids)
            if not ids:
                return self._change(organization, keys_gone=True)
        return organization

    def _release_domains(
        self, organization: Organization, more: Callable[[], bool], troubles: list[PostroomError]
    ) -> bool:
        """Take the domains out of SES's rules, and give them and their addresses back; ``True`` once all are.

        What SES does not take has to be mended by hand: that domain stays, and no other with it.
        """
        done = True
        for domain in list(self._domains(organization.id)):
            released = False
            with kept(troubles):
                released = self._release(domain, more)
            done = done and released
        return done

    def _release(self, domain: Domain, more: Callable[[], bool]) -> bool:
        """Give a domain back. Another run may have, and another organization may have it by now: it loses nothing."""
        self.domain_services.unroute(domain.name, lambda: self.directory.domain_record(domain.name) == domain)
        while addresses := self.directory.addresses_in(domain.name, CLAIMS):
            if not more():
                return False
            claims = [Remove(_claim(domain.organization.id, address)) for address in addresses]
            self.directory.commit([Check(domain), *claims])
        self.directory.commit([Remove(domain, unchanged=True)])
        return True

    def _remove_entities(self, organization_id: str, more: Callable[[], bool]) -> bool:
        """Remove users, resources and groups; each mailbox goes with its owner, and leaves a fact."""
        for entity in self._entities(organization_id, *EntityKind):
            if entity.kind in OWNERS:
                while not self.mailboxes.remove_some(organization_id, entity.id):
                    if not more():
                        return False
                name = OwnFact.MAILBOX_REMOVED
                self.transit.note([self._fact(organization_id, name, entity.id, {"mailboxId": entity.id})])
            while not self.rows.remove_entity(entity):
                if not more():
                    return False
            if not more():
                return False
        return True

    def _remove_objects(self, organization_id: str, more: Callable[[], bool]) -> bool:
        """Remove sealed mail that a delivery may have left that came too late, and compiled rules."""
        for rules in self.archive.stored(f"rules/{organization_id}/"):
            if not more():
                return False
            self.archive.remove(rules.key)
        return _all(self.mailboxes.remove_objects, organization_id, more)

    def _look_through(
        self,
        organization: Organization,
        others: Sequence[str],
        more: Callable[[], bool],
        troubles: list[PostroomError],
        *,
        over: bool,
    ) -> tuple[Organization, int]:
        """Look through the stored mail, on from where the last run stopped; return how many messages have to wait.

        Between its deletion and the last look there is none: it reads all that SES has stored for anybody. Whether SES
        has several rules is kept: the organization's own may go next. If SES does not answer, it has.
        """
        looked = organization.search_begun is not None and organization.searched_to is None
        if organization.state is OrganizationState.DELETED and looked and not over:
            return organization, 0
        several = True
        with kept(troubles):
            several = organization.several_rules or (bool(others) and self.domain_services.receipt_rules() > 1)
            organization = self._change(organization, several_rules=several)
        begun = self.now() if organization.searched_to is None else organization.search_begun
        found = self.stored.remove(
            organization.id, Others(others, several=several), organization.searched_to, over=over, more=more
        )
        return self._change(organization, searched_to=found.reached, search_begun=begun), found.kept

    def _conclude(self, organization: Organization, begun: int) -> bool:
        """Say that it is Deleted; and that nothing is left of it, once the look began when nothing could be added."""
        now = self.now()
        if organization.state is OrganizationState.DELETING:
            self.transit.note([self._fact(organization.id, OwnFact.ORGANIZATION_DELETED)])
            alias = AliasClaim(alias=organization.alias.lower(), organization_id=organization.id)
            gone = replace(organization, state=OrganizationState.DELETED, deleted=now)
            self.directory.commit([Replace(gone), Remove(alias)])
            return True
        if (organization.search_begun or 0) - begun < self.settles:
            return False
        nothing = {
            "former_domains": (),
            "search_begun": None,
            "log_group_arn": None,
            "role_arn": None,
            "several_rules": False,
        }
        self._change(organization, cleared=now, **nothing)
        return True

    def _domains(self, organization_id: str) -> Iterator[Domain]:
        yield from pages(partial(self.directory.domains_of, organization_id))

    def _entities(self, organization_id: str, *kinds: EntityKind) -> Iterator[Entity]:
        for kind in kinds:
            yield from pages(partial(self.directory.entities, organization_id, kind))

    def _fact(self, organization_id: str, name: OwnFact, which: str = "", data: dict[str, str] | None = None) -> Fact:
        key = f"{name}:{which}" if which else name.value
        return Fact(organization_trace(organization_id), organization_id, name, key, self.now(), data=data or {})


def _all(remove: Callable[[str], bool], organization_id: str, more: Callable[[], bool]) -> bool:
    """Remove one part after the other until nothing is left; ``False`` where the time is too short."""
    while not remove(organization_id):
        if not more():
            return False
    return True


def _claim(organization_id: str, address: str) -> AddressClaim:
    """Return a claim to remove; only its address tells it from others."""
    return AddressClaim(address=address, organization_id=organization_id, entity_id="", kind=EntityKind.USER)
