"""Open rule calls with their organizations, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.ports.open_calls import CallOfOrganization

if TYPE_CHECKING:
    from postroom.contracts.orders import CallPointer
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.transit import Transit


@dataclass(frozen=True, slots=True)
class MemoryOpenCalls:
    """Implements ``OpenCalls`` with the stores of calls and of organizations."""

    transit: Transit
    owners: MailboxOwners

    def read(self, pointer: CallPointer) -> CallOfOrganization | None:
        open_call = self.transit.open_call(pointer.trace, pointer.key)
        return (
            None if open_call is None else CallOfOrganization(open_call, self.owners.is_active(pointer.organization_id))
        )
