"""Deletes organizations in steps; a run continues where the last one stopped.

A run does every step that is not done, as long as time allows. Each step may be repeated.

1. Domains accept no mail any more, and the mailboxes' keys are removed: nothing can be read or delivered.
2. Hashes of passwords, SMTP gateways and passwords of availability providers are removed, flows are ended, and mail
   stored in plain is removed.
3. Domains, entities with their mailboxes, and the remaining rows and objects are removed.
4. The organization becomes Deleted, and its alias is free.
5. After the settling time no function can run that began before the deletion. A last search removes what such a
   function may have stored.

The organization's KMS key, its log group and its facts stay: the first two belong to the customer, facts hold no
content and expire (docs/decisions/0018). Source: guide, ZH:3660-3666: a deletion cannot be undone and its mail is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.effects.runs import Run
from postroom.lifecycle.stored_mail import Sharing
from postroom.model.directory import OWNERS, EntityKind
from postroom.model.facts import Fact, OwnFact, organization_trace
from postroom.model.limits import DIRECTORY_PAGE_ROWS
from postroom.model.records import AddressClaim, AliasClaim, Check, OrganizationState, Remove, Replace
from postroom.ports.directory import MAX_ROWS, every_item
from postroom.ports.transit import Commit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from postroom.lifecycle.arrivals import ParkedArrivals
    from postroom.lifecycle.open_flows import OpenFlows
    from postroom.lifecycle.stored_mail import StoredMail
    from postroom.model.records import Domain, Entity, Organization
    from postroom.ports.availability_passwords import AvailabilityPasswordRemoval
    from postroom.ports.directory import Directory
    from postroom.ports.domain_services import ReceiptRules
    from postroom.ports.mailbox_removal import MailboxRemoval
    from postroom.ports.organization_removal import OrganizationRemoval
    from postroom.ports.raw_mail import RawArchive
    from postroom.ports.transit import Transit

MAX_CLAIMS: Final = MAX_ROWS - 10
"""Address claims that one transaction removes. Ours."""

GONE: Final = (OrganizationState.DELETING, OrganizationState.DELETED)


@dataclass(frozen=True, slots=True)
class Others:
    """What a deletion must know about other organizations.

    Attributes:
        ids: organizations that are neither deleted nor being deleted.
        gone_domains: domains of all organizations that are being deleted, including those that are already released.
    """

    ids: Sequence[str]
    gone_domains: Collection[str]


@dataclass(frozen=True, slots=True)
class Deletion:
    """``now`` returns milliseconds since the epoch.

    ``settling_ms`` is how long flows may end by themselves, and how long functions that began before the deletion may
    still run. After that, what is left is discarded and the deletion can finish.
    """

    directory: Directory
    domain_services: ReceiptRules
    rows: OrganizationRemoval
    availability_passwords: AvailabilityPasswordRemoval
    mailboxes: MailboxRemoval
    transit: Transit
    flows: OpenFlows
    arrivals: ParkedArrivals
    stored: StoredMail
    archive: RawArchive
    now: Callable[[], int]
    settling_ms: int

    def run(self, remaining_ms: Callable[[], int]) -> dict[str, int]:
        """Check every organization once, and do the next steps of those that are being deleted.

        An error with one organization does not stop the others; it is raised after them, for the alarm.

        Args:
            remaining_ms: returns the milliseconds until the function is stopped.

        Returns:
            ``deleted``: organizations whose deletion is done; ``unfinished``: those that the next run continues with.

        Raises:
            PostroomError: the first error.
        """
        run, counts = Run(remaining_ms), {"deleted": 0, "unfinished": 0}
        organizations = list(every_item(self.directory.organizations))
        others = Others(
            ids=[each.id for each in organizations if each.state not in GONE],
            gone_domains={name for each in organizations if each.state in GONE for name in each.former_domains},
        )
        closed: list[Organization] = []
        for organization in organizations:
            if organization.state in GONE and organization.cleared is None:
                with run.keep_errors():
                    closed.append(self._close(organization, run))
        for organization in closed:
            with run.keep_errors():
                counts["deleted" if self._empty(organization, others, run) else "unfinished"] += 1
        return run.result(counts)

    def _close(self, organization: Organization, run: Run) -> Organization:
        """Refuse new mail and remove the mailboxes' keys; done for every organization before the rest of any."""
        organization = self._begun(organization)
        self._refuse_mail(organization)
        return self._remove_keys(organization, run)

    def _empty(self, organization: Organization, others: Others, run: Run) -> bool:
        """Remove everything except the keys as far as time allows; ``True`` once the organization is Deleted."""
        begun = organization.deleting or 0
        over = self.now() - begun >= self.settling_ms
        if not (organization.keys_gone and _all(self.rows.remove_secrets, organization.id, run)):
            return False
        secrets_gone = False
        with run.keep_errors():  # searched in each run: the list of secrets may lag behind an earlier request
            secrets_gone = _all(self.availability_passwords.remove_some, organization.id, run)
        ended = self._end_flows(organization, others, begun, run, over=over)
        organization, waiting = self._search_stored_mail(organization, others.ids, run, over=over)
        if organization.searched_to is not None:
            return False
        released = self._release_domains(organization, run)
        if not self._remove_entities(organization.id, run):
            return False
        if not (_all(self.rows.remove_rows, organization.id, run) and self._remove_objects(organization.id, run)):
            return False
        ended = ended and secrets_gone
        return ended and released and (not waiting or over) and self._conclude(organization, begun)

    def _begun(self, organization: Organization) -> Organization:
        """Record when the deletion began, and the organization's domains before one is released."""
        since = organization.deleting or self.now()
        self.transit.commit(Commit(facts=[self._fact(organization.id, OwnFact.ORGANIZATION_DELETING)]))
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
        """Update the organization's copy in every domain row; new mail then belongs to no organization."""
        for domain in self._domains(organization.id):
            if domain.organization != organization.ref:
                copy = replace(domain, organization=organization.ref, fallback_mailbox=None)
                self.directory.commit([Replace(copy)])

    def _end_flows(self, organization: Organization, others: Others, begun: int, run: Run, *, over: bool) -> bool:
        """End the organization's flows; ``True`` once none is open. An error here stops no other step."""
        left: int | None = None
        with run.keep_errors():
            left = self.flows.end(organization.id, begun, over=over, has_time=run.has_time)
        with run.keep_errors():
            self.arrivals.end(organization.id, organization.former_domains, others.gone_domains, others.ids)
        return left == 0

    def _remove_keys(self, organization: Organization, run: Run) -> Organization:
        """Remove the mailboxes' keys in batches; one run has time for the keys of 100,000 mailboxes."""
        owners = self._entities(organization.id, *OWNERS)
        while not organization.keys_gone and run.has_time():
            ids = [entity.id for entity in islice(owners, DIRECTORY_PAGE_ROWS)]
            self.mailboxes.remove_keys(ids)
            if not ids:
                return self._change(organization, keys_gone=True)
        return organization

    def _release_domains(self, organization: Organization, run: Run) -> bool:
        """Remove the domains from SES's receipt rules, then release them with their addresses; ``True`` once all are.

        If SES refuses the change for one domain, only that domain stays, until an operator corrects it.
        """
        done = True
        for domain in list(self._domains(organization.id)):
            released = False
            with run.keep_errors():
                released = self._release(domain, run)
            done = done and released
        return done

    def _release(self, domain: Domain, run: Run) -> bool:
        """Release a domain, unless its row has changed: another organization that has it by now loses nothing."""
        self.domain_services.unroute(domain.name, lambda: self.directory.domain_record(domain.name) == domain)
        while addresses := self.directory.addresses_in(domain.name, MAX_CLAIMS):
            if not run.has_time():
                return False
            claims = [Remove(_claim(domain.organization.id, address)) for address in addresses]
            self.directory.commit([Check(domain), *claims])
        self.directory.commit([Remove(domain, unchanged=True)])
        return True

    def _remove_entities(self, organization_id: str, run: Run) -> bool:
        """Remove users, resources and groups. A mailbox is removed before its owner, and its removal is a fact."""
        for entity in self._entities(organization_id, *EntityKind):
            if entity.kind in OWNERS:
                while not self.mailboxes.remove_some(organization_id, entity.id):
                    if not run.has_time():
                        return False
                removed = self._fact(organization_id, OwnFact.MAILBOX_REMOVED, entity.id, {"mailboxId": entity.id})
                self.transit.commit(Commit(facts=[removed]))
            while not self.rows.remove_entity(entity):
                if not run.has_time():
                    return False
            if not run.has_time():
                return False
        return True

    def _remove_objects(self, organization_id: str, run: Run) -> bool:
        """Remove compiled rules, and sealed mail of deliveries that ended after the removal of their mailbox."""
        for rules in self.archive.stored(f"rules/{organization_id}/"):
            if not run.has_time():
                return False
            self.archive.remove(rules.key)
        return _all(self.mailboxes.remove_objects, organization_id, run)

    def _search_stored_mail(
        self, organization: Organization, others: Sequence[str], run: Run, *, over: bool
    ) -> tuple[Organization, int]:
        """Search the stored mail from where the last run stopped; return how many messages cannot be removed yet.

        A search reads everything that SES has stored, for all organizations. Between the state Deleted and the last
        search there is therefore none. Whether SES has several receipt rules is kept in the row, because the
        organization's own rule may be removed next. If SES does not answer, it is taken to have several.
        """
        searched = organization.search_begun is not None and organization.searched_to is None
        if organization.state is OrganizationState.DELETED and searched and not over:
            return organization, 0
        several = True
        with run.keep_errors():
            several = organization.several_rules or (bool(others) and self.domain_services.receipt_rules() > 1)
            organization = self._change(organization, several_rules=several)
        begun = self.now() if organization.searched_to is None else organization.search_begun
        sharing = Sharing(others, several=several)
        found = self.stored.remove(organization.id, sharing, organization.searched_to, over=over, has_time=run.has_time)
        for error in found.errors:
            run.keep(error)
        return self._change(organization, searched_to=found.reached, search_begun=begun), found.kept

    def _conclude(self, organization: Organization, begun: int) -> bool:
        """Set the state Deleted; later set ``cleared``, once a search began when no function could add anything."""
        now = self.now()
        if organization.state is OrganizationState.DELETING:
            self.transit.commit(Commit(facts=[self._fact(organization.id, OwnFact.ORGANIZATION_DELETED)]))
            alias = AliasClaim(alias=organization.alias.lower(), organization_id=organization.id)
            gone = replace(organization, state=OrganizationState.DELETED, deleted=now)
            self.directory.commit([Replace(gone), Remove(alias)])
            return True
        if (organization.search_begun or 0) - begun < self.settling_ms:
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
        yield from every_item(partial(self.directory.domains_of, organization_id))

    def _entities(self, organization_id: str, *kinds: EntityKind) -> Iterator[Entity]:
        for kind in kinds:
            yield from every_item(partial(self.directory.entities, organization_id, kind))

    def _fact(self, organization_id: str, name: OwnFact, which: str = "", data: dict[str, str] | None = None) -> Fact:
        key = f"{name}:{which}" if which else name.value
        return Fact(organization_trace(organization_id), organization_id, name, key, self.now(), data=data or {})


def _all(remove: Callable[[str], bool], organization_id: str, run: Run) -> bool:
    """Remove one part after the other until nothing is left; ``False`` if the time is over before that."""
    while not remove(organization_id):
        if not run.has_time():
            return False
    return True


def _claim(organization_id: str, address: str) -> AddressClaim:
    """Return a claim to remove; only its address identifies it."""
    return AddressClaim(address=address, organization_id=organization_id, entity_id="", kind=EntityKind.USER)
