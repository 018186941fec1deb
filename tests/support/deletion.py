"""The deletion of organizations on memory ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.adapters.memory.mailbox_removal import MemoryMailboxRemoval
from postroom.adapters.memory.organization_removal import MemoryOrganizationRemoval
from postroom.lifecycle.arrivals import ParkedArrivals
from postroom.lifecycle.deletion import Deletion
from postroom.lifecycle.open_flows import OpenFlows
from postroom.lifecycle.stored_mail import StoredMail
from postroom.model.limits import DELETION_SETTLES_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.adapters.memory.books import Books
    from postroom.adapters.memory.directory import MemoryDirectory
    from postroom.adapters.memory.raw_mail import MemoryRawMail
    from postroom.adapters.memory.sealed_mail import MemorySealedMail
    from postroom.ports.domain_services import DomainServices
    from postroom.ports.queues import Onward, RuleCalls
    from postroom.ports.transit import Ledger, Transit

SETTLES: int = DELETION_SETTLES_SECONDS * 1000
"""In milliseconds."""


def memory_deletion(
    directory: MemoryDirectory,
    domain_services: DomainServices,
    transit: Transit,
    ledger: Ledger,
    raw: MemoryRawMail,
    sealed: MemorySealedMail,
    books: Books,
    onward: Onward,
    calls: RuleCalls,
    now: Callable[[], int],
    **changes: Any,
) -> Deletion:
    """Return the station; ``changes`` are its attributes."""
    arrivals = ParkedArrivals(directory, transit, ledger, raw, now)
    parts: dict[str, Any] = {
        "directory": directory,
        "domain_services": domain_services,
        "rows": MemoryOrganizationRemoval(directory),
        "mailboxes": MemoryMailboxRemoval(books, sealed),
        "transit": transit,
        "flows": OpenFlows(transit, ledger, raw, onward, calls, now),
        "arrivals": arrivals,
        "stored": StoredMail(raw, ledger, transit, arrivals, now, SETTLES),
        "archive": raw,
        "now": now,
        "settles": SETTLES,
    }
    return Deletion(**{**parts, **changes})
