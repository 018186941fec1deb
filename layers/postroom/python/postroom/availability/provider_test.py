"""Tests a provider for TestAvailabilityConfiguration: whether it may be called, answers, and is closed to others.

Source: botocore's model, TestAvailabilityConfiguration: for EWS, that the credentials can be used to log in; for
Lambda, that the function can be invoked, and that its resource policy denies anonymous invocations, which have no
SourceArn and SourceAccount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.availability.asking import Asking
from postroom.availability.ews import NO_PASSWORD
from postroom.errors import StoreUnavailableError
from postroom.model.availability import LambdaProvider
from postroom.model.free_busy import Requester
from postroom.model.limits import DAY_MS
from postroom.model.records import AvailabilityConfiguration
from postroom.ports.ews_servers import ServerFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.availability.cap import CapCaller
    from postroom.availability.ews import EwsCaller
    from postroom.contracts.availability_query import ProviderTest
    from postroom.model.availability import EwsProvider

LOCAL_PART: Final = "availability-test"
"""Local part of the address that a function is asked about. Ours; an answer that there is no such mailbox passes."""

NO_DOMAIN: Final = "example.com"
"""Domain of that address where no domain is named. Ours. Source: RFC 2606, 3."""


@dataclass(frozen=True, slots=True)
class ProviderTesting:
    """Tests providers. ``now`` returns milliseconds since the epoch."""

    functions: CapCaller
    servers: EwsCaller
    organization_arn: Callable[[str], str]
    now: Callable[[], int]

    def run(self, test: ProviderTest, request_id: str) -> str:
        """Return why a test failed; empty if it passed. A test leaves no fact, and nothing of it is kept."""
        if not isinstance(test.provider, LambdaProvider):
            return self._server(test, test.provider)
        arn, organization_arn = test.provider.function_arn, self.organization_arn(test.organization_id)
        if (denied := self.functions.denied(arn, organization_arn)) is not None:
            return f"The function cannot be invoked. {denied.failure}: {denied.error}"
        try:
            policy = self.functions.policies.policy(arn) or {}
        except StoreUnavailableError as error:
            return f"The function's policy cannot be read: {error}"
        if self.functions.permits(policy, None):
            return (
                "The function's policy allows anonymous invocations. Give the permission with --source-account and "
                f"--source-arn: {organization_arn}"
            )
        return self._call(test, organization_arn, request_id)

    def _server(self, test: ProviderTest, provider: EwsProvider) -> str:
        """Ask a server about one mailbox; whether it knows the mailbox does not matter, as it has let the user in."""
        password = test.password
        if password is None:
            try:
                password = self.servers.password(test.organization_id, test.domain, provider)
            except StoreUnavailableError as error:
                return f"The password cannot be read: {error}"
        if password is None:
            return f"The password cannot be read: {NO_PASSWORD}"
        start = self.now() // 1000 * 1000
        found = self.servers.servers.free_busy(provider, password, [_mailbox(test)], start, start + DAY_MS)
        return found.message if isinstance(found, ServerFailure) else ""

    def _call(self, test: ProviderTest, organization_arn: str, request_id: str) -> str:
        mailbox = _mailbox(test)
        start = self.now() // 1000 * 1000
        configuration = AvailabilityConfiguration(
            organization_id=test.organization_id,
            domain=test.domain,
            provider=test.provider,
            created=start,
            modified=start,
        )
        requester = Requester(mailbox, LOCAL_PART, test.organization_id, LOCAL_PART)
        asking = Asking(requester, organization_arn, request_id, [mailbox], start, start + DAY_MS)
        reply = self.functions.ask(configuration, asking)
        if not reply.error:
            return ""
        return f"The function was invoked. {reply.error}. {reply.data.get('error', '')}".strip(". ")


def _mailbox(test: ProviderTest) -> str:
    return f"{LOCAL_PART}@{test.domain or NO_DOMAIN}"
