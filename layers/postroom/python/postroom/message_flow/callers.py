"""Which callers may read a message in transit, and replace its content.

WorkMail's permission names an organization (``message/ORG/*``); that of API Gateway, which a caller needs here, names
all messages. So a message is for the role of a function that a rule of its organization called for this message, and
for callers that the deployment lists (ours, docs/decisions/0044).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.principals import PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.principals import Principal, Principals
    from postroom.ports.function_roles import FunctionRoles
    from postroom.ports.ledger import Ledger
    from postroom.ports.transit import Transit


@dataclass(frozen=True, slots=True)
class Callers:
    """Decides by the caller's ARN. Every method raises TemporaryError if a store or Lambda did not answer."""

    listed: Principals
    transit: Transit
    ledger: Ledger
    roles: FunctionRoles

    def may_ask(self, caller: Principal) -> bool:
        """Say whether there can be a message for a caller: it is listed, or a session of a role as functions are."""
        return caller.kind is PrincipalKind.ROLE or self.listed.include(caller)

    def may_have(self, caller: Principal, traces: Sequence[str]) -> bool:
        """Say whether a message is for a caller; one that does not exist is for listed callers only.

        Args:
            traces: that the message may have (``model.facts.traces_of_message``).
        """
        return self.listed.include(caller) or any(self._was_called(caller, trace) for trace in traces)

    def _was_called(self, caller: Principal, trace: str) -> bool:
        """Say whether a function with the caller's role is or was called for a flow.

        Open calls are read before facts: the transaction that ends a call adds its fact.
        """
        called = {call.function_arn for call in self.transit.rule_calls(trace)}
        if self._is_role_of(caller, called):
            return True
        attempted = {str(fact.data.get("functionArn", "")) for fact in self.ledger.attempts(trace)}
        return self._is_role_of(caller, attempted - called - {""})

    def _is_role_of(self, caller: Principal, functions: set[str]) -> bool:
        return any(
            (role := self.roles.role(function, again=again)) is not None and caller.is_session_of(role)
            for again in (False, True)
            for function in sorted(functions)
        )
