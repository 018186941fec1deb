"""The deletion of organizations on memory ports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.availability_passwords import MemoryAvailabilityPasswords
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
"""Settling time in milliseconds."""

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten"
USERS: Final = tuple(f"u{number:02}" for number in range(12))
"""Names of users; their mailboxes are deleted."""


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
    flows = OpenFlows(transit, things, MemoryTransitScans(tables), ledger, raw, queues, now)
    arrivals = ParkedArrivals(directory, transit, things, ledger, raw, now)
    parts: dict[str, Any] = {
        "directory": directory,
        "domain_services": domain_services,
        "rows": MemoryOrganizationRemoval(directory),
        "availability_passwords": MemoryAvailabilityPasswords(),
        "mailboxes": MemoryMailboxRemoval(tables, sealed),
        "transit": transit,
        "flows": flows,
        "arrivals": arrivals,
        "stored": StoredMail(raw, ledger, transit, flows, arrivals, now, SETTLES),
        "archive": raw,
        "now": now,
        "settling_ms": SETTLES,
    }
    return Deletion(**{**parts, **changes})


def deliver(mail_system: MemoryMailSystem, number: int = 1) -> None:
    """Deliver messages to the first user."""
    for each in range(number):
        mail_system.arrive(f"m{each:03}", MESSAGE, f"{USERS[0]}@acme.test")


def begin(mail_system: MemoryMailSystem) -> None:
    organization, domain = mail_system.directory.organization(ORG), mail_system.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    gone = replace(organization, state=OrganizationState.DELETING, deleting=mail_system.now())
    mail_system.directory.commit([Replace(gone), Replace(replace(domain, organization=gone.ref))])


def another(mail_system: MemoryMailSystem) -> Organization:
    """Create a second organization, which stays."""
    first = mail_system.directory.organization(ORG)
    assert first is not None
    made = replace(first, id=OTHER, arn=arn(OTHER), alias="other", state=OrganizationState.ACTIVE, version=1)
    mail_system.directory.commit([Insert(made)])
    return made


def domain_of(mail_system: MemoryMailSystem) -> Domain:
    found = mail_system.directory.domain_record("acme.test")
    assert found is not None
    return found


def state(mail_system: MemoryMailSystem) -> OrganizationState:
    organization = mail_system.directory.organization(ORG)
    assert organization is not None
    return organization.state
