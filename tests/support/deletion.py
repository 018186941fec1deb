"""The deletion of organizations on memory ports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.mailbox_removal import MemoryMailboxRemoval
from postroom.adapters.memory.organization_removal import MemoryOrganizationRemoval
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.adapters.memory.transit_scans import MemoryTransitScans
from postroom.lifecycle.arrivals import ParkedArrivals
from postroom.lifecycle.deletion import Deletion
from postroom.lifecycle.open_flows import OpenFlows
from postroom.lifecycle.stored_mail import StoredMail
from postroom.model.limits import DELETION_SETTLING_SECONDS
from postroom.model.records import Domain, Insert, Organization, OrganizationState, Replace
from tests.support.builders import ORG, OTHER, arn

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.adapters.memory.directory import MemoryDirectory
    from postroom.adapters.memory.raw_mail import MemoryRawMail
    from postroom.adapters.memory.sealed_mail import MemorySealedMail
    from postroom.adapters.memory.tables import MemoryTables
    from postroom.ports.domain_services import DomainServices
    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues
    from postroom.ports.transit import Transit
    from tests.support.memory_mail_system import MemoryMailSystem

SETTLES: int = DELETION_SETTLING_SECONDS * 1000
"""In milliseconds."""

LETTER: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten"
PEOPLE: Final = tuple(f"u{number:02}" for number in range(12))
"""Whose mailboxes go."""


def memory_deletion(
    directory: MemoryDirectory,
    domain_services: DomainServices,
    transit: Transit,
    ledger: Ledger,
    raw: MemoryRawMail,
    sealed: MemorySealedMail,
    tables: MemoryTables,
    queues: Queues,
    now: Callable[[], int],
    **changes: Any,
) -> Deletion:
    """Return the station; ``changes`` are its attributes."""
    things = MemoryParkedThings(tables, now)
    arrivals = ParkedArrivals(directory, transit, things, ledger, raw, now)
    parts: dict[str, Any] = {
        "directory": directory,
        "domain_services": domain_services,
        "rows": MemoryOrganizationRemoval(directory),
        "mailboxes": MemoryMailboxRemoval(tables, sealed),
        "transit": transit,
        "flows": OpenFlows(transit, things, MemoryTransitScans(tables), ledger, raw, queues, now),
        "arrivals": arrivals,
        "stored": StoredMail(raw, ledger, transit, arrivals, now, SETTLES),
        "archive": raw,
        "now": now,
        "settling_ms": SETTLES,
    }
    return Deletion(**{**parts, **changes})


def deliver(post: MemoryMailSystem, number: int = 1) -> None:
    """Deliver letters to the first of the people."""
    for each in range(number):
        post.arrive(f"m{each:03}", LETTER, f"{PEOPLE[0]}@acme.test")


def begin(post: MemoryMailSystem) -> None:
    organization, domain = post.directory.organization(ORG), post.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    gone = replace(organization, state=OrganizationState.DELETING, deleting=post.now())
    post.directory.commit([Replace(gone), Replace(replace(domain, organization=gone.ref))])


def another(post: MemoryMailSystem) -> Organization:
    """Make a second organization, that stays."""
    first = post.directory.organization(ORG)
    assert first is not None
    made = replace(first, id=OTHER, arn=arn(OTHER), alias="other", state=OrganizationState.ACTIVE, version=1)
    post.directory.commit([Insert(made)])
    return made


def domain_of(post: MemoryMailSystem) -> Domain:
    found = post.directory.domain_record("acme.test")
    assert found is not None
    return found


def state(post: MemoryMailSystem) -> OrganizationState:
    organization = post.directory.organization(ORG)
    assert organization is not None
    return organization.state
