"""Calls of availability providers as orders without a queue."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from postroom.contracts.stored import Order
from postroom.model.facts import Fact, OwnFact


class ProviderCall(Order):
    """A provider of free/busy information is being called; written before the call, ended with the call's fact.

    No queue has it: the function that makes the call also ends it. If that function stops in between, the sweep ends
    it with a failure, since no request waits for the answer any more.
    """

    says = "a call of an availability provider"

    kind: Literal["PROVIDER_CALL"] = "PROVIDER_CALL"
    request_id: str
    """Id of the request that asked."""
    organization_arn: str
    user_id: str
    """The user who asked."""
    type: Literal["EWS", "LAMBDA"]
    domain: str
    target: str
    """ARN of the function, or endpoint of the EWS server."""
    mailboxes: int = Field(ge=1)
    """How many it was asked about."""
    since: int

    @property
    def key(self) -> str:
        """The trace has nothing else."""
        return "provider-call"

    @property
    def station(self) -> str:
        """The function that makes and ends the call; it has no queue."""
        return "query_availability"

    @property
    def group(self) -> str:
        """The organization."""
        return self.organization_id

    def ended(self, at: int, error_message: str = "", /, **data: Any) -> Fact:
        """Return the fact that ends the call; ``error_message`` is empty after a success.

        Its event has the fields of WorkMail's availability provider log, in their order. Source: guide, ZH:1738-1752.
        """
        event = {
            "event_timestamp": at,
            "request_id": self.request_id,
            "organization_arn": self.organization_arn,
            "user_id": self.user_id,
            "type": self.type,
            "domain": self.domain,
            "function_arn" if self.type == "LAMBDA" else "ews_endpoint": self.target,
            **({"error_message": error_message} if error_message else {}),
            "availability_event_successful": not error_message,
        }
        said = {"mailboxes": self.mailboxes, **data}
        return Fact(self.trace, self.organization_id, OwnFact.PROVIDER_ASKED, "PROVIDER_ASKED", at, event, said)

    def stopped(self, at: int) -> Fact:
        """Return the fact that ends a call whose function stopped."""
        return self.ended(at, "the result is unknown: the function that made the call stopped before it was recorded")
