"""Asks the provider of a domain: from memory, or by one call that leaves exactly one fact.

The call's order is written before the call, and ended in the transaction of its fact. So a call without its order does
not exist, and an order without its end is a call whose function stopped: the sweep ends it as a failure.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.provider_calls import ProviderCall
from postroom.errors import TemporaryError
from postroom.model.availability import EwsProvider, LambdaProvider
from postroom.model.facts import provider_trace
from postroom.model.free_busy import FailureCode, MailboxAvailability, MailboxFailure
from postroom.ports.transit import Commit, Settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.availability.asking import Asking, Caller, Reply
    from postroom.availability.cache import Cache, Key
    from postroom.availability.rests import Rests
    from postroom.model.availability import Provider
    from postroom.model.free_busy import MailboxResult
    from postroom.model.records import AvailabilityConfiguration
    from postroom.ports.transit import Transit

REMEMBERED: Final = frozenset({FailureCode.MAIL_RECIPIENT_NOT_FOUND})
"""Failures of a mailbox that are kept like its events, of functions alone: an EWS server, ours among them, may say so
of a mailbox whose failure is over in a moment. Ours."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Asks providers of both types.

    Attributes:
        callers: by type of the provider.
        now: returns milliseconds since the epoch.
        new_id: returns a new unique name.
    """

    callers: Mapping[type[Provider], Caller]
    cache: Cache
    rests: Rests
    transit: Transit
    now: Callable[[], int]
    new_id: Callable[[], str]

    def ask(self, configuration: AvailabilityConfiguration, asking: Asking) -> Mapping[str, MailboxResult]:
        """Return a result per mailbox. Raises no PostroomError: a provider's failure is that of its mailboxes."""
        identity = _identity(configuration)
        keys: dict[str, Key] = {each: _key(identity, each, asking) for each in asking.mailboxes}
        results = {each: kept for each in asking.mailboxes if (kept := self.cache.get(keys[each])) is not None}
        missing = [each for each in asking.mailboxes if each not in results]
        if not missing:
            return results
        if self.rests.is_resting(identity):
            said = f"the provider of {configuration.domain} failed a moment ago, and is asked again in some seconds"
            return results | _failures(missing, FailureCode.SERVER_BUSY, said)
        reply = self._call(configuration, replace(asking, mailboxes=missing))
        if reply is None:
            return results | _failures(missing, FailureCode.SERVER_BUSY, "a table did not answer; try again")
        if reply.code is not None:
            if reply.rest_ms:
                self.rests.begin(identity, reply.rest_ms)
            return results | _failures(missing, reply.code, f"the provider of {configuration.domain} {reply.said}")
        self.rests.end(identity)
        is_function = isinstance(configuration.provider, LambdaProvider)
        for mailbox, result in reply.results.items():
            if isinstance(result, MailboxAvailability) or (is_function and result.code in REMEMBERED):
                self.cache.put(keys[mailbox], result)
        return {**results, **reply.results}

    def _call(self, configuration: AvailabilityConfiguration, asking: Asking) -> Reply | None:
        """Make one call; ``None`` if its order could not be written, so that no call was made."""
        call = self._order(configuration, asking)
        try:
            # the order has a new name: if it exists already, a repeated request of ours wrote it
            self.transit.commit(Commit(orders=[call]))
        except TemporaryError:
            return None
        reply = self.callers[type(configuration.provider)].ask(configuration, asking)
        fact = call.ended(self.now(), reply.error, **reply.data)
        with suppress(TemporaryError):  # the sweep ends the order then
            self.transit.commit(Commit([Settle(call)], [fact]))
        return reply

    def _order(self, configuration: AvailabilityConfiguration, asking: Asking) -> ProviderCall:
        provider = configuration.provider
        if isinstance(provider, LambdaProvider):
            kind, target = "LAMBDA", provider.function_arn
        else:
            kind, target = "EWS", provider.endpoint
        return ProviderCall(
            trace=provider_trace(self.new_id()),
            organization_id=configuration.organization_id,
            request_id=asking.request_id,
            organization_arn=asking.organization_arn,
            user_id=asking.requester.user_id,
            type=kind,
            domain=configuration.domain,
            target=target,
            mailboxes=len(asking.mailboxes),
            since=self.now(),
        )


def _identity(configuration: AvailabilityConfiguration) -> str:
    """Return the name of a provider with everything that it is called with; a changed configuration is another one."""
    provider = configuration.provider
    parts = [configuration.organization_id, configuration.domain]
    if isinstance(provider, EwsProvider):
        parts += [provider.endpoint, provider.user_name, provider.password_version]
    else:
        parts += [provider.function_arn]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _key(identity: str, mailbox: str, asking: Asking) -> Key:
    """Return the key of a result: a provider may answer each requester in another way."""
    return (identity, asking.requester.user_id, mailbox, asking.start_ms, asking.end_ms)


def _failures(mailboxes: Sequence[str], code: FailureCode, said: str) -> dict[str, MailboxResult]:
    return {each: MailboxFailure(each, code, said) for each in mailboxes}
