"""One call of a rule's function: the event, the answer, and the fact that records both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.rule_lambda import EventAddress, EventEnvelope, RuleEvent, read_answer
from postroom.errors import InvalidRuleAnswerError, StoreUnavailableError
from postroom.model.facts import Fact, OwnFact, flow_message_id
from postroom.model.function_policy import allows, permission_command
from postroom.ports.rule_functions import Failure, Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.orders import RuleCall
    from postroom.contracts.rule_lambda import RuleAnswer
    from postroom.ports.rule_functions import FunctionPolicies, RuleFunctions
    from postroom.rules.breaker import Breaker


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt: the answer, where there is a valid one, and the fact that tells of it."""

    answer: RuleAnswer | None
    fact: Fact


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls rules' functions. ``now`` gives milliseconds since the epoch."""

    functions: RuleFunctions
    policies: FunctionPolicies
    breaker: Breaker
    now: Callable[[], int]
    region: str
    account: str

    def ask(self, call: RuleCall, number: int) -> Attempt:
        """Call a synchronous rule's function once, and read its answer.

        Args:
            number: of the attempt, from 1.

        Raises:
            StoreUnavailableError: it is not known whose turn it is, and nothing was called; or other workers could
                not be told how it went, and it will be called again.
        """
        event, begun = event_of(call).encode(), self.now()
        invocation = self._permitted(call)
        if invocation is None and self.breaker.holds_back(call.group):
            invocation = Invocation(None, Failure.HELD_BACK, "it hung, or failed slowly, and is called now and then")
        if invocation is None:
            asked = self.now()
            invocation = self.functions.call(call.function_arn, event)
            self.breaker.went(call.group, invocation.failure, self.now() - asked)
        answer, error = None, invocation.error
        if invocation.payload is not None:
            try:
                answer = read_answer(invocation.payload, call.direction)
            except InvalidRuleAnswerError as invalid:
                error = str(invalid)
        return Attempt(answer, self._fact(call, number, invocation, error, event, begun))

    def tell(self, call: RuleCall, number: int) -> Fact:
        """Give an asynchronous rule's event to Lambda, and return the fact that tells of it."""
        event, begun = event_of(call).encode(), self.now()
        invocation = self._permitted(call) or self.functions.hand_over(call.function_arn, event)
        return self._fact(call, number, invocation, invocation.error, event, begun)

    def _permitted(self, call: RuleCall) -> Invocation | None:
        """Return ``None`` where the function's policy lets this organization's rules call it, else why not."""
        try:
            policy = self.policies.policy(call.function_arn)
        except StoreUnavailableError as error:  # a failed attempt: the rule's timeout counts, not a queue's retries
            return Invocation(None, Failure.UNAVAILABLE, str(error))
        partition = call.function_arn.split(":")[1]
        organization = f"arn:{partition}:workmail:{self.region}:{self.account}:organization/{call.organization_id}"
        if policy is None:
            return Invocation(None, Failure.NOT_FOUND, f"there is no function {call.function_arn}")
        if allows(policy, organization_arn=organization, region=self.region, account=self.account):
            return None
        return Invocation(
            None,
            Failure.NOT_PERMITTED,
            "its policy does not allow it: " + permission_command(call.function_arn, self.region, organization),
        )

    def _fact(self, call: RuleCall, number: int, invocation: Invocation, error: str, event: bytes, begun: int) -> Fact:
        payload, ended = invocation.payload, self.now()
        failure = invocation.failure.value if invocation.failure else "INVALID_ANSWER" if error else None
        data = {
            "ruleId": call.rule_id,
            "rulesVersion": call.rules_version,
            "ruleName": call.rule_name,
            "functionArn": call.function_arn,
            "synchronous": call.synchronous,
            "invocationId": call.invocation_id,
            "attempt": number,
            "milliseconds": ended - begun,
            "functionVersion": invocation.version or None,
            "requestId": invocation.request_id or None,
            "failure": failure,
            "error": error or None,
            "eventSha256": hashlib.sha256(event).hexdigest(),
            "answerSha256": hashlib.sha256(payload).hexdigest() if payload else None,
        }
        return Fact(
            trace=call.trace,
            organization_id=call.organization_id,
            name=OwnFact.RULE_ATTEMPTED,
            key=f"{OwnFact.RULE_ATTEMPTED}:{call.key.partition(':')[2]}:{number}",
            at=ended,
            data={name: value for name, value in data.items() if value is not None},
        )


def event_of(call: RuleCall) -> RuleEvent:
    """Return the function's event: sender, recipients and subject, never the content."""
    return RuleEvent(
        envelope=EventEnvelope(
            mail_from=EventAddress(address=call.mail_from),
            recipients=tuple(EventAddress(address=recipient) for recipient in call.recipients),
        ),
        sender=None if call.sender is None else EventAddress(address=call.sender),
        subject=call.subject,
        message_id=flow_message_id(call.trace),
        invocation_id=call.invocation_id,
        flow_direction=call.direction,
    )
