"""Calls of custom availability providers, which are functions of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.availability.asking import Reply
from postroom.availability.rests import LONG_REST_MS, REST_MS
from postroom.contracts.cap_lambda import PROVIDERS_ERROR, read_answer, write_request
from postroom.errors import InvalidAvailabilityError, StoreUnavailableError
from postroom.model.availability import LambdaProvider
from postroom.model.free_busy import FailureCode, MailboxFailure
from postroom.model.function_policy import allows, availability_command, availability_principal
from postroom.ports.rule_functions import Failure, Invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.availability.asking import Asking
    from postroom.model.free_busy import MailboxResult
    from postroom.model.records import AvailabilityConfiguration
    from postroom.ports.availability_functions import AvailabilityFunctions
    from postroom.ports.rule_functions import FunctionPolicies

FAILURES: Final[Mapping[Failure, tuple[FailureCode, str, int]]] = {
    Failure.FUNCTION_ERROR: (FailureCode.FREE_BUSY_GENERATION_FAILED, "failed", REST_MS),
    Failure.TIMED_OUT: (FailureCode.TIMEOUT_EXPIRED, "did not answer in time", LONG_REST_MS),
    Failure.THROTTLED: (FailureCode.SERVER_BUSY, "takes no calls at the moment", REST_MS),
    Failure.NOT_FOUND: (FailureCode.FREE_BUSY_GENERATION_FAILED, "does not exist", 0),
    Failure.NOT_PERMITTED: (FailureCode.FREE_BUSY_GENERATION_FAILED, "does not permit the call", 0),
    Failure.REFUSED: (FailureCode.FREE_BUSY_GENERATION_FAILED, "cannot be called", REST_MS),
    Failure.UNAVAILABLE: (FailureCode.SERVER_BUSY, "cannot be reached at the moment", REST_MS),
}
"""By the failure of a call: the code, the words for the person who asks, and the rest. A provider that was not called,
because it does not exist or does not permit it, needs none. The codes are ours; the guide (ZH:3093) says only that each
mailbox fails."""

MAX_FAULTS: Final = 3
"""Most mailboxes of a wrong form that an error text counts out. Ours."""


@dataclass(frozen=True, slots=True)
class CapCaller:
    """Implements ``Caller``. ``region`` and ``account`` are the organizations'; ``now`` returns milliseconds."""

    functions: AvailabilityFunctions
    policies: FunctionPolicies
    region: str
    account: str
    now: Callable[[], int]

    def ask(self, configuration: AvailabilityConfiguration, asking: Asking) -> Reply:
        """Call a function whose policy permits it, and check its answer."""
        assert isinstance(configuration.provider, LambdaProvider)  # noqa: S101 - the caller is chosen by this type
        arn = configuration.provider.function_arn
        event = write_request(asking.requester, asking.mailboxes, asking.start_ms, asking.end_ms)
        begun = self.now()
        invocation = self.denied(arn, asking.organization_arn) or self.functions.call(arn, event)
        data: dict[str, Any] = {"milliseconds": self.now() - begun}
        data |= {
            name: said
            for name, said in (("functionVersion", invocation.version), ("requestId", invocation.request_id))
            if said
        }
        if invocation.payload is None:
            failure = invocation.failure or Failure.REFUSED
            code, said, rest_ms = FAILURES[failure]
            data["failure"] = failure.value
            error = invocation.error
            if failure is Failure.FUNCTION_ERROR:  # what the function said stays in the ledger
                data["error"], error = error, "the function raised an error, which its log has"
            return Reply({}, code, said, f"{failure}: {error}", rest_ms, data)
        try:
            results = read_answer(invocation.payload, asking.mailboxes)
        except InvalidAvailabilityError as error:
            code, said = FailureCode.RESPONSE_SCHEMA_VALIDATION, "gave an answer that cannot be read"
            return Reply({}, code, said, str(error), REST_MS, {**data, "failure": "INVALID_ANSWER"})
        return Reply(results, error=_faults(results), data=data)

    def denied(self, arn: str, organization_arn: str) -> Invocation | None:
        """Return why a function may not be called for an organization; ``None`` if its policy permits it.

        Our role could call any function of the account: the function's owner decides, as WorkMail has it.
        """
        if arn.split(":")[4] != self.account:
            said = f"functions of another account than {self.account} cannot be called"
            return Invocation(None, Failure.NOT_PERMITTED, said)
        try:
            policy = self.policies.policy(arn)
        except StoreUnavailableError as error:
            return Invocation(None, Failure.UNAVAILABLE, str(error))
        if policy is None:
            return Invocation(None, Failure.NOT_FOUND, f"there is no function {arn}")
        if self.permits(policy, organization_arn):
            return None
        command = availability_command(arn, self.region, organization_arn)
        return Invocation(None, Failure.NOT_PERMITTED, f"its policy does not allow it: {command}")

    def permits(self, policy: Mapping[str, Any], organization_arn: str | None) -> bool:
        """Say whether a policy permits calls for an organization; ``None``: anonymous ones."""
        return allows(
            policy,
            organization_arn=organization_arn,
            region=self.region,
            account=self.account,
            service=availability_principal(self.region),
        )


def _faults(results: Mapping[str, MailboxResult]) -> str:
    """Say which places of an answer are wrong; empty if it is as documented, errors of mailboxes included."""
    wrong = [
        each.message
        for each in results.values()
        if isinstance(each, MailboxFailure) and each.message != PROVIDERS_ERROR
    ]
    return "; ".join(dict.fromkeys(wrong[:MAX_FAULTS]))
