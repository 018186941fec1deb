"""Which callers may read a message in transit: functions' roles and listed principals."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from postroom.contracts.message_flow import AccessDeniedException, ResourceNotFoundException, S3Reference
from postroom.model.facts import Fact, OwnFact, flow_message_id
from postroom.model.principals import Principal
from postroom.ports.transit import Commit, EndCall, Outcome
from tests.support.builders import FUNCTION, TRACE, call, own

from .conftest import DAY, ORIGINAL, System, changed

OTHER_FUNCTION: Final = FUNCTION.replace("tag-subjects", "other")
TAGS: Final = "arn:aws:iam::123456789012:role/rules/tag-subjects-role"
OTHERS: Final = "arn:aws:iam::123456789012:role/other-role"


def session(role: str, account: str = "123456789012") -> Principal:
    return Principal(f"arn:aws:sts::{account}:assumed-role/{role}/any-session")


TAGGER: Final = session("tag-subjects-role")
STRANGERS: Final = {
    "another function": session("other-role"),
    "a role of the same name elsewhere": session("tag-subjects-role", "999999999999"),
    "a role that is no function's": session("operators"),
    "a user": Principal("arn:aws:iam::123456789012:user/tag-subjects-role"),
    "the account's root": Principal("arn:aws:iam::123456789012:root"),
    "nobody": Principal(),
}


@pytest.fixture
def system() -> System:
    made = System(listed=("arn:aws:iam::123456789012:role/desk/support", "arn:aws:iam::123456789012:user/ann"))
    made.functions.roles |= {FUNCTION: TAGS, OTHER_FUNCTION: OTHERS}
    return made


def attempted(trace: str = TRACE) -> Fact:
    fact = own(OwnFact.RULE_ATTEMPTED, f"{OwnFact.RULE_ATTEMPTED}:r-1:1", trace)
    return replace(fact, data={"functionArn": FUNCTION})


def refused(system: System, caller: Principal) -> None:
    with pytest.raises(AccessDeniedException, match="not authorized to perform: workmailmessageflow:GetRawMessage"):
        system.flow.get(system.message_id, caller)
    system.bucket.objects["k"] = [changed("x")]
    with pytest.raises(AccessDeniedException, match="not authorized to perform: workmailmessageflow:PutRawMessage"):
        system.flow.put(system.message_id, S3Reference("mine", "k"), caller)
    assert system.transit.contents(TRACE).puts == 0


@pytest.mark.parametrize("synchronous", [True, False])
def test_the_role_of_a_function_that_a_rule_calls_has_the_message(system: System, synchronous: bool) -> None:
    refused(system, TAGGER)
    open_call = call(synchronous=synchronous)
    system.transit.commit(Commit(orders=[open_call]))
    assert system.flow.get(system.message_id, TAGGER) == ORIGINAL
    found = system.transit.open_call(TRACE, open_call.key)
    assert found is not None
    # an asynchronous function reads it after its call has ended
    assert system.transit.commit(Commit([EndCall(found)], [attempted()])) is Outcome.DONE
    assert system.flow.get(system.message_id, TAGGER) == ORIGINAL, (
        "an asynchronous function reads when the call is over"
    )
    system.put(changed("x"))
    assert system.flow.get(system.message_id, TAGGER) == changed("x")


@pytest.mark.parametrize("who", STRANGERS)
def test_no_other_caller_has_it(system: System, who: str) -> None:
    system.transit.commit(Commit(facts=[attempted()], orders=[call()]))
    refused(system, STRANGERS[who])


def test_a_function_has_only_the_messages_that_it_was_called_for(system: System) -> None:
    """The same rule of the same organization did not match this message, or matched in another flow."""
    other = "e" * 32
    assert other != TRACE
    system.transit.commit(Commit(facts=[attempted(other)], orders=[call(trace=other)]))
    refused(system, TAGGER)


def test_listed_callers_have_every_message(system: System) -> None:
    for caller in (session("support"), Principal("arn:aws:iam::123456789012:user/ann")):
        assert system.flow.get(system.message_id, caller) == ORIGINAL


def test_a_function_without_its_role_or_that_is_gone_lets_no_caller_in(system: System) -> None:
    system.transit.commit(Commit(orders=[call()]))
    del system.functions.roles[FUNCTION]
    refused(system, TAGGER)


def test_a_role_that_was_replaced_is_seen_when_it_is_read_again(system: System) -> None:
    class Kept:
        def role(self, _function_arn: str, *, again: bool = False) -> str:
            return TAGS if again else OTHERS

    system.transit.commit(Commit(orders=[call()]))
    callers = replace(system.flow.callers, roles=Kept())
    assert callers.may_have(TAGGER, [TRACE])
    assert callers.may_have(session("other-role"), [TRACE])
    assert not callers.may_have(session("operators"), [TRACE])


@pytest.mark.parametrize("message_id", [flow_message_id("0" * 32), "x" * 5000])
def test_a_caller_without_any_message_is_not_told_which_exist(system: System, message_id: str) -> None:
    for caller in (Principal("arn:aws:iam::123456789012:user/eve"), Principal()):
        with pytest.raises(AccessDeniedException) as caught:
            system.flow.get(message_id, caller)
        assert len(str(caught.value)) < 400


def test_a_function_is_not_told_which_messages_of_others_exist(system: System) -> None:
    """Ids of one message in several organizations are alike."""
    told = []
    for message_id in (system.message_id, flow_message_id("0" * 32)):
        with pytest.raises(AccessDeniedException) as caught:
            system.flow.get(message_id, TAGGER)
        told.append(str(caught.value).replace(message_id, "ID"))
    assert told[0] == told[1]
    with pytest.raises(ResourceNotFoundException):
        system.flow.get("no-id", TAGGER)


def test_after_a_day_a_functions_own_message_is_not_found(system: System) -> None:
    system.transit.commit(Commit(facts=[attempted()]))
    system.now += DAY
    with pytest.raises(ResourceNotFoundException):
        system.flow.get(system.message_id, TAGGER)
