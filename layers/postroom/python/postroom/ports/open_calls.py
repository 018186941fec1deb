"""Open rule calls, read together with the state of their organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from postroom.contracts.orders import CallPointer
    from postroom.ports.transit import OpenCall


class CallOfOrganization(NamedTuple):
    """An open rule call, and whether its organization is active (``MailboxOwners.is_active``)."""

    open_call: OpenCall
    organization_is_active: bool


class OpenCalls(Protocol):
    """Reads of run_sync_rule and run_async_rule. Suite: tests/contract/test_open_calls.py."""

    def read(self, pointer: CallPointer) -> CallOfOrganization | None:
        """Return a call in one keyed, consistent request.

        Returns:
            ``None`` if the call is decided or parked.

        Raises:
            StoreUnavailableError: a table did not answer.
        """
