"""The published schemas accept exactly what the code accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from postroom.contracts.rule_lambda import EventAddress, EventEnvelope, RuleEvent, read_answer
from postroom.errors import InvalidRuleAnswerError
from postroom.model.rules import Direction

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"


def validator(name: str) -> Draft202012Validator:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"rule-lambda-{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


ANSWER, EVENT = validator("answer"), validator("event")

odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, "", "true", "FALSE", "maybe", [], {}, ["a@example.com"], [None], "DROP"]
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "action": odd
        | st.fixed_dictionaries(
            {},
            optional={
                "type": odd | st.sampled_from(["DROP", "BOUNCE", "DEFAULT", "MOVE_TO_JUNK", "BYPASS_SPAM_CHECK"]),
                "parameters": odd | st.fixed_dictionaries({}, optional={"bounceMessage": odd}),
                "more": odd,
            },
        ),
        "recipients": odd | st.lists(st.text(max_size=5), max_size=3),
        "allRecipients": odd | st.booleans(),
        "more": odd,
    },
)
answers = odd | st.fixed_dictionaries({}, optional={"actions": odd | st.lists(odd | entries, max_size=3), "more": odd})


@given(answers)
def test_the_schema_takes_exactly_the_answers_that_we_take(answer: object) -> None:
    try:
        read_answer(json.dumps(answer).encode(), Direction.INBOUND)
    except InvalidRuleAnswerError:
        assert not ANSWER.is_valid(answer)
    else:
        ANSWER.validate(answer)


@pytest.mark.parametrize("flag", [True, False, "true", "True", "FALSE"])
def test_the_schema_is_as_lenient_with_the_flag_as_we_are(flag: object) -> None:
    ANSWER.validate({"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": flag}]})


@given(st.lists(st.emails(), max_size=3), st.text(max_size=256), st.booleans())
def test_our_events_are_as_published(recipients: list[str], subject: str, on_behalf: bool) -> None:
    event = RuleEvent(
        envelope=EventEnvelope(
            mail_from=EventAddress(address="from@example.com"),
            recipients=tuple(EventAddress(address=recipient) for recipient in recipients),
        ),
        sender=EventAddress(address="sender@example.com") if on_behalf else None,
        subject=subject,
        message_id="00000000-0000-0000-0000-000000000000",
        invocation_id="0" * 32,
        flow_direction=Direction.INBOUND,
    )
    EVENT.validate(json.loads(event.encode()))
