"""One request of an authenticated caller: its admission, and its audit records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.access.decision import Refusal
from postroom.contracts.audit_log import Request
from postroom.errors import AccessDeniedError
from postroom.ews.context import Asking
from postroom.model.callers import Caller

if TYPE_CHECKING:
    from postroom.contracts.audit_log import AuditRecord, Protocol
    from postroom.contracts.http_calls import HttpCall
    from postroom.ews.context import Context
    from postroom.model.records import Entity

_OF_IMPERSONATION: Final = frozenset({Refusal.NO_USER, Refusal.NO_ROLE, Refusal.DENIED_TO_ROLE})
"""Refusals that are faults of EWS: the caller may use it, in the name of another user."""


@dataclass(slots=True)
class ClientRequest:
    """A request of an authenticated caller.

    Attributes:
        records: of the decisions about the request, in their order.
    """

    call: HttpCall
    caller: Caller
    protocol: Protocol
    at_ms: int
    context: Context
    records: list[AuditRecord] = field(default_factory=list)

    def admit(self, user: Entity | None = None) -> Asking:
        """Decide whether the request may go on.

        Args:
            user: the user in whose name a caller with an impersonation role makes it; None if it names none.

        Returns:
            The request as operations see it; its admission is refused if the role may not impersonate the user.

        Raises:
            AccessDeniedError: access control rules do not allow it.
            StoreUnavailableError: the directory did not answer.
            ConflictError: the rules change; a retry may succeed.
        """
        admission = self.context.access.admit(self._request(user))
        self.records += admission.records
        if admission.refusal is not None and admission.refusal not in _OF_IMPERSONATION:
            raise AccessDeniedError(admission.refusal.value)
        caller = self._caller(user)
        return Asking(caller, self.call.origin, admission, self.records, self.at_ms, self.call.is_passed_on)

    def hand_over_records(self) -> None:
        """Hand the records to the audit trail.

        Raises:
            StoreUnavailableError: some may not be kept; the request must not be answered as done.
        """
        if self.records:
            self.context.trail.record(self.records)

    def _request(self, user: Entity | None) -> Request:
        return Request(
            id=self.call.request_id,
            organization_id=self.caller.organization_id,
            organization_arn="",
            at_ms=self.at_ms,
            protocol=self.protocol,
            source_ip=self.call.origin or "",
            user_agent=self.call.user_agent,
            user_id=user.id if user else self.caller.user_id,
            impersonator_id=self.caller.impersonation_role_id,
            unique_id=self.call.unique_id,
        )

    def _caller(self, user: Entity | None) -> Caller:
        """Return the caller as which operations answer: the user that is impersonated, if there is one."""
        if user is None:
            return self.caller
        role_id = self.caller.impersonation_role_id
        return Caller(user.organization_id, user.id, user.email or "", user.name, impersonation_role_id=role_id)
