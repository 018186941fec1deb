"""A frozen plan thaws as it was, and its chunks are the whole of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.orders import DeliveryOrder, RawLocation
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.model.rules import ActionType
from postroom.model.verdicts import DmarcPolicy
from postroom.routing.plan import Flow, Plan, chunks_of
from tests.support.builders import NOON, ORG, TRACE, call

if TYPE_CHECKING:
    from postroom.contracts.orders import Order

FLOW: Final = Flow(
    TRACE, ORG, "bob@example.org", RawLocation(bucket="inbound-bucket", key="inbound/m1"), 1234, NOON, NOON
)
FORMER: Final = Path(__file__).parent / "contracts"

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = st.lists(WORDS, max_size=3)
ENTRIES = (
    st.builds(FLOW.delivery, WORDS, WORDS, WORDS, WORDS)
    | st.builds(FLOW.refused, WORDS, WORDS, WORDS)
    | st.builds(FLOW.skipped, WORDS, WORDS, WORDS)
    | st.builds(FLOW.rule_applied, WORDS, st.integers(0, 9), WORDS, st.sampled_from(ActionType), NAMES, WORDS)
    | st.builds(FLOW.policy_applied, WORDS, st.sampled_from(DmarcPolicy), NAMES, WORDS)
    | st.builds(lambda subject, names: call(subject=subject, recipients=tuple(names)), WORDS, NAMES)
)


def no_flow() -> Flow:
    raise AssertionError("this plan says itself what it is about")


@given(st.lists(ENTRIES, max_size=6).map(tuple))
def test_a_frozen_plan_thaws_as_it_was(entries: tuple[Fact | Order, ...]) -> None:
    assert Plan.thaw(Plan(entries).freeze(), no_flow) == Plan(entries)


def test_members_of_a_later_versions_plan_are_ignored() -> None:
    plan = Plan((FLOW.delivery("ann", "r", "d", "INBOX"), FLOW.refused("tim@acme.test", "no", "5.1.1")))
    later = [json.loads(line) | {"added_later": 1} for line in plan.freeze().decode().split("\n")]
    assert Plan.thaw("\n".join(map(json.dumps, later)).encode(), no_flow) == plan


def test_an_order_of_a_decision_equals_one_that_was_checked() -> None:
    made = FLOW.delivery("ann", "ann@acme.test", "all@acme.test", "INBOX")
    checked = DeliveryOrder.read(made.model_dump_json())
    assert made == checked
    assert (made.model_dump(), made.model_fields_set, hash(made)) == (
        checked.model_dump(),
        checked.model_fields_set,
        hash(checked),
    )
    assert made.model_copy(update={"folder": "JUNK_EMAIL"}) == checked.model_copy(update={"folder": "JUNK_EMAIL"})
    assert set(made.model_dump()) == set(DeliveryOrder.model_fields)


@given(st.integers(0, 3 * CHUNK_RECIPIENTS))
def test_chunks_are_the_whole_plan_in_order(size: int) -> None:
    plan = Plan(tuple(FLOW.delivery(str(number), "r", "d", "INBOX") for number in range(size)))
    chunks = [plan.chunk(number).entries for number in range(plan.chunks)]
    assert tuple(entry for chunk in chunks for entry in chunk) == plan.entries
    assert all(len(chunk) <= CHUNK_RECIPIENTS for chunk in chunks)
    assert chunks_of(plan.freeze()) == plan.chunks


def test_a_chunk_that_refuses_recipients_has_one_order_to_tell_the_sender() -> None:
    refused = [FLOW.refused(f"u{number}@acme.test", "no", "5.1.1") for number in range(CHUNK_RECIPIENTS + 1)]
    plan = Plan((FLOW.delivery("ann", "r", "d", "INBOX"), *refused))
    assert [order.key for order in plan.chunk(0).orders(NOON)] == ["order:ann", "bounce:u0@acme.test"]
    assert [order.key for order in plan.chunk(1).orders(NOON)] == [f"bounce:u{CHUNK_RECIPIENTS - 1}@acme.test"]


class TestPlansOfTheVersionBefore:
    """Frozen on 2026-11-29: one that ingest wrote, and a rule's decision with the flow's values in front."""

    WANTED: Final[list[Any]] = [
        (EventName.DMARC_POLICY_APPLIED, "DMARC_POLICY_APPLIED", {"final": False}),
        (EventName.RULE_APPLIED, "RULE_APPLIED:r-0", {"ruleId": "r-0", "rulesVersion": 3, "final": True}),
        "order:ann",
        (EventName.INCOMING_EMAIL_BOUNCED, "INCOMING_EMAIL_BOUNCED:tim@acme.test", {}),
        (
            OwnFact.RECIPIENT_SKIPPED,
            "RECIPIENT_SKIPPED:eve",
            {"memberId": "eve", "group": "all@acme.test", "reason": "mailbox disabled, not accepting messages"},
        ),
        "call:r-1",
    ]

    @staticmethod
    def shown(plan: Plan) -> list[Any]:
        return [(e.name, e.key, dict(e.data)) if isinstance(e, Fact) else e.key for e in plan.entries]

    def test_ingests_plan_is_about_the_flow(self) -> None:
        plan = Plan.thaw((FORMER / "plan_2026_11_29.jsonl").read_bytes(), lambda: FLOW)
        assert self.shown(plan) == self.WANTED
        delivery, asked = plan.entries[2], plan.entries[5]
        assert delivery == FLOW.delivery("ann", "ann@acme.test", "all@acme.test", "INBOX")
        assert asked == call(
            rules_version=3,
            rule_name="ask",
            function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
            timeout_minutes=240,
            mail_from="bob@example.org",
            subject="plums",
            recipients=("cleo@acme.test",),
            others=("ann@acme.test",),
            envelope_from="bob@example.org",
            size=1234,
        )

    def test_a_verdicts_plan_says_itself_what_it_is_about(self) -> None:
        other = Flow("x", "x", "x", RawLocation(bucket="x", key="x"), 1, 1, NOON)
        plan = Plan.thaw((FORMER / "verdict_2026_11_29.jsonl").read_bytes(), lambda: other)
        assert self.shown(plan) == self.WANTED
        assert plan.entries[2] == FLOW.delivery("ann", "ann@acme.test", "all@acme.test", "INBOX")

    def test_its_bounced_recipient_has_reason_and_status(self) -> None:
        plan = Plan.thaw((FORMER / "plan_2026_11_29.jsonl").read_bytes(), lambda: FLOW)
        bounced = plan.facts[2]
        assert asdict(bounced) == asdict(FLOW.refused("tim@acme.test", "no such mailbox here", "5.1.1"))
        assert json.loads(json.dumps(bounced.event))["bouncedRecipient"]["status"] == "5.1.1"
