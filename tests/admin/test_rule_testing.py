"""TestInboundMailFlowRules: the rule that would win for each recipient, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.addresses import Address
from postroom.model.limits import MAX_RECIPIENTS

if TYPE_CHECKING:
    from collections.abc import Callable

Create = "CreateInboundMailFlowRule"
Test = "TestInboundMailFlowRules"

EVIL = {"SenderPatterns": ["evil.example"], "RecipientPatterns": ["*"], "Action": {"Type": "DROP"}}


@pytest.fixture
def make(caller: Any, acme: str) -> Callable[..., str]:
    """Create a rule and return its id."""

    def create(name: str, **changes: Any) -> str:
        made: str = caller(Create, OrganizationId=acme, Name=name, **{**EVIL, **changes})["RuleId"]
        return made

    return create


class TestTesting:
    @pytest.fixture
    def test(self, caller: Any, acme: str) -> Callable[..., list[dict[str, Any]]]:
        def run(*recipients: str, **request: Any) -> list[dict[str, Any]]:
            answer = caller(Test, OrganizationId=acme, Recipients=recipients, **{"From": "x@evil.example", **request})
            found: list[dict[str, Any]] = answer["Results"]
            return found

        return run

    def test_without_rules_mail_takes_its_normal_way(self, test: Callable[..., list[dict[str, Any]]]) -> None:
        (found,) = test("ann@example.com")
        assert found == {
            "Recipient": "ann@example.com",
            "Action": {"Type": "DEFAULT"},
            "MatchedRules": [],
            "Reason": "no rule matches: the message is handled normally",
        }

    def test_each_recipient_has_its_winner_and_the_reason(
        self, test: Callable[..., list[dict[str, Any]]], make: Callable[..., str]
    ) -> None:
        drop = make("drop")
        spare = make(
            "spare",
            SenderPatterns=["x@evil.example"],
            RecipientPatterns=["ann@example.com"],
            Action={"Type": "DEFAULT"},
        )
        ann, bob = test("Ann@example.com", "bob@example.com", "ann@EXAMPLE.com")
        assert (ann["Recipient"], ann["RuleId"], ann["RuleName"]) == ("ann@example.com", spare, "spare")
        assert ann["Action"] == {"Type": "DEFAULT"}
        assert ann["MatchedRules"] == [
            {
                "RuleId": spare,
                "Name": "spare",
                "SenderPattern": "x@evil.example",
                "RecipientPattern": "ann@example.com",
                "Action": {"Type": "DEFAULT"},
            },
            {
                "RuleId": drop,
                "Name": "drop",
                "SenderPattern": "evil.example",
                "RecipientPattern": "*",
                "Action": {"Type": "DROP"},
            },
        ]
        assert "x@evil.example is more specific than evil.example" in ann["Reason"]
        assert (bob["RuleName"], bob["Action"]) == ("drop", {"Type": "DROP"})

    def test_sender_comes_before_from(
        self, test: Callable[..., list[dict[str, Any]]], make: Callable[..., str]
    ) -> None:
        make("from", SenderPatterns=["x@evil.example"])
        make("sender", SenderPatterns=["*.lists.example"], Action={"Type": "MOVE_TO_JUNK"})
        (found,) = test("ann@example.com", Sender="l@a.lists.example")
        assert (found["RuleName"], [rule["Name"] for rule in found["MatchedRules"]]) == ("sender", ["sender"])
        (found,) = test("ann@example.com", Sender="l@elsewhere.example")
        assert found["RuleName"] == "from"

    def test_it_agrees_with_what_ingest_decides(
        self,
        test: Callable[..., list[dict[str, Any]]],
        make: Callable[..., str],
        context: Any,
        acme: str,
    ) -> None:
        make("a", SenderPatterns=["*"], RecipientPatterns=["ann@example.com"])
        make("b", SenderPatterns=["*.example"], Action={"Type": "BYPASS_SPAM_CHECK"})
        make("c", SenderPatterns=["*.example"], RecipientPatterns=["example.com"], Action={"Type": "BOUNCE"})
        version = context.directory.domain("example.com").rules_version
        recipients = ("ann@example.com", "bob@example.com", "carl@elsewhere.org")
        decided = context.rule_sets.inbound(acme, version).decide(
            [], [Address("x", "evil.example")], {each: Address(*each.split("@")) for each in recipients}
        )
        assert {row["Recipient"]: row.get("RuleId") for row in test(*recipients)} == {
            each: decided[each].id for each in recipients
        }

    @pytest.mark.parametrize(
        "request_",
        [
            {"From": "nobody"},
            {"From": "Joe <x@bad.example>"},
            {"From": "x@bad.example (Joe)"},
            {"Sender": "@"},
            {"Sender": "<x@bad.example>"},
            {"Recipients": ["a b"]},
            {"Recipients": ["a@b.example", "a b@c.example"]},
        ],
    )
    def test_what_is_no_address_is_refused(self, caller: Any, acme: str, request_: dict[str, Any]) -> None:
        request = {"OrganizationId": acme, "From": "a@x.example", "Recipients": ["ann@example.com"], **request_}
        assert "is not an address" in caller.refused("InvalidParameterException", Test, **request)

    def test_the_largest_answer_fits_into_one(
        self, test: Callable[..., list[dict[str, Any]]], make: Callable[..., str], context: Any
    ) -> None:
        """A synchronous Lambda answer holds 6 MB; here 500 recipients, each with 100 rules that match."""
        name, far = "ö" * 60, ".".join(["long" * 15] * 4)
        bounce = {"Type": "BOUNCE", "BounceMessage": "ö" * 500}
        senders = [f"{'x' * 64}@{far}"]
        recipients = [f"*.{far}"]
        for number in range(100):
            patterns = {"SenderPatterns": senders, "RecipientPatterns": recipients}
            make(f"{name}{number}", **patterns, Action=bounce)
        to = [f"{number:064}@{far}" for number in range(MAX_RECIPIENTS)]
        found = test(*to, From=senders[0])
        assert [row["Recipient"] for row in found] == to
        assert {len(row["MatchedRules"]) for row in found} == {8}
        assert len(json.dumps({"Results": found}, ensure_ascii=False).encode()) < 6 << 20
        (one,) = test(to[0], From=senders[0])
        assert (len(one["MatchedRules"]), one["Action"]) == (20, bounce)
