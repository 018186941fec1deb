"""What providers are asked, and how a call of one ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.free_busy import FailureCode, MailboxResult, Requester
    from postroom.model.records import AvailabilityConfiguration


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to one provider.

    Attributes:
        organization_arn: of the requester's organization.
        request_id: of the request that asks.
        mailboxes: distinct, lower-case.
    """

    requester: Requester
    organization_arn: str
    request_id: str
    mailboxes: Sequence[str]
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended.

    Attributes:
        results: by mailbox, one for each; empty after a failure of the whole call.
        code: of the failure.
        said: the failure for the person who asks; it follows "the provider of DOMAIN".
        error: the failure for the owner of the provider; empty after a success.
        rest_ms: for how long the provider is not called then.
        data: what the call's fact holds beside that.
    """

    results: Mapping[str, MailboxResult] = field(default_factory=dict)
    code: FailureCode | None = None
    said: str = ""
    error: str = ""
    rest_ms: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


class Caller(Protocol):
    """Calls providers of one type."""

    def ask(self, configuration: AvailabilityConfiguration, asking: Asking) -> Reply:
        """Call a provider once, within 25 seconds. Raises no PostroomError."""
