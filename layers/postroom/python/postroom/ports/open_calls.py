"""What a rule's function is to be asked, read together with what decides whether it still may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from postroom.contracts.orders import CallPointer
    from postroom.ports.transit import OpenCall


class CallOfOrganization(NamedTuple):
    """An open rule call. ``organization_is_active``: its organization is neither being deleted nor gone."""

    open_call: OpenCall
    organization_is_active: bool


class OpenCalls(Protocol):
    """Suite: tests/contract/test_open_calls.py."""

    def read(self, pointer: CallPointer) -> CallOfOrganization | None:
        """Return a call in one keyed, consistent request.

        Returns:
            ``None``: it is decided, or parked.

        Raises:
            StoreUnavailableError: a table did not answer.
        """
