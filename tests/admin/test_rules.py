"""Inbound mail-flow rules and the DMARC setting: their records, and the rules that apply to the next message."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.admin.models.shapes import SHAPES
from postroom.model.limits import MAX_PATTERNS, MAX_PATTERNS_OF_A_RULE, MAX_RECIPIENTS
from postroom.model.records import Domain, DomainState, Insert
from postroom.model.rules import Direction, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

Create = "CreateInboundMailFlowRule"
Update = "UpdateInboundMailFlowRule"
Delete = "DeleteInboundMailFlowRule"
Describe = "DescribeInboundMailFlowRule"
List = "ListInboundMailFlowRules"

EVIL = {"SenderPatterns": ["evil.example"], "RecipientPatterns": ["*"], "Action": {"Type": "DROP"}}


@pytest.fixture
def rules(context: Any, acme: str) -> Callable[[], list[Rule]]:
    """Return the rules that ingest applies to the next message; they are the same for all domains."""

    def read() -> list[Rule]:
        names = [domain.name for domain in context.directory.domains_of(acme, None, 1000).items]
        (version,) = {context.directory.domain(name).rules_version for name in names}
        return sorted(context.rule_sets.inbound(acme, version).rules, key=lambda rule: rule.name)

    return read


@pytest.fixture
def make(caller: Any, acme: str) -> Callable[..., str]:
    """Create a rule and return its id."""

    def create(name: str, **changes: Any) -> str:
        made: str = caller(Create, OrganizationId=acme, Name=name, **{**EVIL, **changes})["RuleId"]
        return made

    return create


class TestOneRule:
    def test_it_comes_back_as_it_was_made(self, caller: Any, acme: str, make: Callable[..., str]) -> None:
        bounce = {"Type": "BOUNCE", "BounceMessage": "Write to info@ instead, bitte schön."}
        made = make("No ads", Description="ads", SenderPatterns=["a@x.org", "*.ads.example"], Action=bounce)
        assert caller(Describe, OrganizationId=acme, RuleId=made) == {
            "RuleId": made,
            "Name": "No ads",
            "Description": "ads",
            "SenderPatterns": ["a@x.org", "*.ads.example"],
            "RecipientPatterns": ["*"],
            "Action": bounce,
            "DateCreated": caller.now / 1000 - 1,
            "DateModified": caller.now / 1000 - 1,
        }

    def test_patterns_have_one_way_to_be_written_and_count_once(
        self, caller: Any, acme: str, make: Callable[..., str]
    ) -> None:
        made = make(
            "r", SenderPatterns=["Bücher.Example", "xn--bcher-kva.example", "A@X.org", "a@x.ORG", "*.Y.example"]
        )
        found = caller(Describe, OrganizationId=acme, RuleId=made)
        assert found["SenderPatterns"] == ["xn--bcher-kva.example", "a@x.org", "*.y.example"]

    @pytest.mark.parametrize("bad", ["a+b@example.com", "a b", "*.*.example.com", "ex*mple.com", "@example.com", "com"])
    @pytest.mark.parametrize("member", ["SenderPatterns", "RecipientPatterns"])
    def test_what_is_no_pattern_is_refused_by_name(self, caller: Any, acme: str, member: str, bad: str) -> None:
        text = caller.refused(
            "InvalidParameterException",
            Create,
            OrganizationId=acme,
            Name="r",
            **{**EVIL, member: ["good.example", bad]},
        )
        assert text.startswith(f"{member}: {bad!r}")

    @pytest.mark.parametrize(
        "changes",
        [
            {"Name": ""},
            {"Name": "x" * 65},
            {"Name": " x"},
            {"Name": "x\n"},
            {"Name": "a\u2028b"},
            {"Name": "a\x1b[31mb"},
            {"Description": "a\nb"},
            {"SenderPatterns": []},
            {"RecipientPatterns": []},
            {"SenderPatterns": [f"a{n}.example" for n in range(MAX_PATTERNS_OF_A_RULE + 1)]},
            {"RecipientPatterns": [f"a{n}.example" for n in range(MAX_PATTERNS_OF_A_RULE + 1)]},
            {"Action": {"Type": "SMTP_GATEWAY"}},
            {"Action": {"BounceMessage": "no"}},
            {"Action": {"Type": "DROP", "BounceMessage": "no"}},
            {"Action": {"Type": "BOUNCE", "BounceMessage": "a\r\nBcc: everybody"}},
        ],
    )
    def test_what_the_model_does_not_allow_is_refused(
        self, caller: Any, acme: str, rules: Callable[[], list[Rule]], changes: dict[str, Any]
    ) -> None:
        request = {"OrganizationId": acme, "Name": "r", **EVIL, **changes}
        caller.refused("InvalidParameterException", Create, **request)
        assert rules() == []

    def test_an_update_replaces_everything(
        self, caller: Any, acme: str, make: Callable[..., str], rules: Callable[[], list[Rule]]
    ) -> None:
        made = make("old", Description="gone afterwards")
        before = caller(Describe, OrganizationId=acme, RuleId=made)
        junk = {"SenderPatterns": ["*"], "RecipientPatterns": ["ann@example.com"], "Action": {"Type": "MOVE_TO_JUNK"}}
        assert caller(Update, OrganizationId=acme, RuleId=made, Name="new", **junk) == {}
        after = caller(Describe, OrganizationId=acme, RuleId=made)
        assert after == {
            "RuleId": made,
            "Name": "new",
            **junk,
            "DateCreated": before["DateCreated"],
            "DateModified": before["DateModified"] + 2,
        }
        assert [(rule.name, rule.action.type) for rule in rules()] == [("new", "MOVE_TO_JUNK")]

    def test_an_update_that_changes_nothing_makes_no_version(
        self, caller: Any, acme: str, context: Any, make: Callable[..., str]
    ) -> None:
        made = make("r")
        before = context.directory.organization(acme), caller(Describe, OrganizationId=acme, RuleId=made)
        caller(Update, OrganizationId=acme, RuleId=made, Name="r", **EVIL)
        assert (context.directory.organization(acme), caller(Describe, OrganizationId=acme, RuleId=made)) == before

    def test_unknown_rules_are_not_found_and_deleting_them_is_no_error(
        self, caller: Any, acme: str, make: Callable[..., str]
    ) -> None:
        made = make("r")
        for gone in ("r-404", made):
            if gone == made:
                assert caller(Delete, OrganizationId=acme, RuleId=made) == {}
            named = {"OrganizationId": acme, "RuleId": gone}
            caller.refused("EntityNotFoundException", Describe, **named)
            caller.refused("EntityNotFoundException", Update, **named, Name="r", **EVIL)
            assert caller(Delete, **named) == {}

    def test_a_name_is_taken_whatever_its_case_until_its_rule_is_gone(
        self, caller: Any, acme: str, make: Callable[..., str]
    ) -> None:
        first, second = make("Straße"), make("other")
        caller.refused("NameAvailabilityException", Create, OrganizationId=acme, Name="STRASSE", **EVIL)
        caller.refused("NameAvailabilityException", Update, OrganizationId=acme, RuleId=second, Name="straße", **EVIL)
        caller(Update, OrganizationId=acme, RuleId=first, Name="STRASSE", **EVIL)
        caller(Delete, OrganizationId=acme, RuleId=first)
        make("straße")

    def test_a_client_token_gets_the_same_answer(
        self, caller: Any, acme: str, make: Callable[..., str], rules: Callable[[], list[Rule]]
    ) -> None:
        assert make("r", ClientToken="t") == make("r", ClientToken="t")
        assert len(rules()) == 1
        caller.refused("InvalidParameterException", Create, OrganizationId=acme, Name="s", **EVIL, ClientToken="t")


class TestAllRules:
    def test_every_domain_has_the_rules_when_the_call_answers(
        self, caller: Any, acme: str, context: Any, make: Callable[..., str], rules: Callable[[], list[Rule]]
    ) -> None:
        owner = context.directory.organization(acme).ref
        for number in range(250):
            context.directory.commit(
                [Insert(Domain(name=f"d{number}.org", organization=owner, is_test=False, state=DomainState.ACTIVE))]
            )
        make("one")
        assert [rule.name for rule in rules()] == ["one"]
        made = make("two")
        assert [rule.name for rule in rules()] == ["one", "two"]
        caller(Delete, OrganizationId=acme, RuleId=made)
        assert [rule.name for rule in rules()] == ["one"]
        caller("RegisterMailDomain", OrganizationId=acme, DomainName="later.org")
        assert [rule.name for rule in rules()] == ["one"]

    def test_versions_grow_and_old_ones_stay_for_mail_that_is_being_read(
        self, caller: Any, acme: str, context: Any, make: Callable[..., str]
    ) -> None:
        made = make("one")
        first = context.directory.domain("example.com").rules_version
        caller(Delete, OrganizationId=acme, RuleId=made)
        second = context.directory.domain("example.com").rules_version
        assert second > first > 0
        assert [rule.name for rule in context.rule_sets.inbound(acme, first).rules] == ["one"]
        assert context.rule_sets.inbound(acme, second).rules == ()

    def test_an_organization_has_a_thousand_sender_patterns(
        self, caller: Any, acme: str, make: Callable[..., str], rules: Callable[[], list[Rule]]
    ) -> None:
        full = MAX_PATTERNS // MAX_PATTERNS_OF_A_RULE
        made = [
            make(f"r{each}", SenderPatterns=[f"a{each}-{n}.example" for n in range(MAX_PATTERNS_OF_A_RULE)])
            for each in range(full)
        ]
        text = caller.refused("LimitExceededException", Create, OrganizationId=acme, Name="more", **EVIL)
        assert "1001" in text
        caller(Update, OrganizationId=acme, RuleId=made[0], Name="r0", **EVIL)
        less = make("less", SenderPatterns=[f"b{n}.example" for n in range(MAX_PATTERNS_OF_A_RULE - 1)])
        request = {**EVIL, "SenderPatterns": ["one.example", "two.example"]}
        caller.refused("LimitExceededException", Update, OrganizationId=acme, RuleId=made[0], Name="r0", **request)
        caller(Delete, OrganizationId=acme, RuleId=less)
        caller(Update, OrganizationId=acme, RuleId=made[0], Name="r0", **request)
        assert len(rules()) == full

    def test_lists_are_paged_and_hold_everything_once(self, caller: Any, acme: str, make: Callable[..., str]) -> None:
        made = {make(f"r{number}") for number in range(7)}
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            answer = caller(List, OrganizationId=acme, MaxResults=3, **token)
            found += answer["Rules"]
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        assert [rule["RuleId"] for rule in found] == sorted(made)
        assert found[0] == caller(Describe, OrganizationId=acme, RuleId=found[0]["RuleId"])
        caller.refused("InvalidParameterException", List, OrganizationId=acme, NextToken="forged")

    def test_organizations_do_not_see_each_others(self, caller: Any, acme: str, make: Callable[..., str]) -> None:
        made = make("r")
        other = caller("CreateOrganization", Alias="other")["OrganizationId"]
        assert caller(List, OrganizationId=other) == {"Rules": []}
        caller.refused("EntityNotFoundException", Describe, OrganizationId=other, RuleId=made)
        caller(Delete, OrganizationId=other, RuleId=made)
        caller(Create, OrganizationId=other, Name="r", **EVIL)
        assert len(caller(List, OrganizationId=acme)["Rules"]) == 1

    def test_they_go_with_their_organization(
        self, caller: Any, acme: str, context: Any, make: Callable[..., str]
    ) -> None:
        for number in range(100):
            make(f"r{number}")
        caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
        caller.settle()
        assert context.directory.rules(acme, Direction.INBOUND, None, 1).items == []
        for operation, more in ((Create, {"Name": "r", **EVIL}), (List, {}), (Delete, {"RuleId": "r"})):
            caller.refused("OrganizationStateException", operation, OrganizationId=acme, **more)
        caller.refused("OrganizationNotFoundException", List, OrganizationId="m-" + "0" * 32)

    def test_of_two_administrators_at_once_no_rule_is_lost(
        self, caller: Any, acme: str, context: Any, make: Callable[..., str], rules: Callable[[], list[Rule]]
    ) -> None:
        """Both read the rules before either writes; the second is decided again, with the rules of the first."""
        both_have_read = threading.Barrier(2)

        class Slow:
            """A directory whose first listing of rules waits for the other administrator's."""

            def __init__(self) -> None:
                self.waited = False

            def rules(self, organization_id: str, direction: Direction, *at: Any) -> Any:
                page = context.directory.rules(organization_id, direction, *at)
                if not self.waited:
                    self.waited = True
                    both_have_read.wait(10)
                return page

            def __getattr__(self, name: str) -> Any:
                return getattr(context.directory, name)

        def change(operation: str, **request: Any) -> None:
            slow = replace(caller, context=replace(context, directory=Slow()))
            slow(operation, OrganizationId=acme, **request)

        first = make("first")
        calls: list[tuple[str, dict[str, Any]]] = [(Create, {"Name": "second", **EVIL}), (Delete, {"RuleId": first})]
        threads = [threading.Thread(target=change, args=(name,), kwargs=request) for name, request in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [rule.name for rule in rules()] == ["second"]
        assert [rule["Name"] for rule in caller(List, OrganizationId=acme)["Rules"]] == ["second"]

    def test_a_version_that_is_written_but_not_current_is_never_read(
        self, acme: str, context: Any, make: Callable[..., str], rules: Callable[[], list[Rule]]
    ) -> None:
        for version in (1, 2, 3):
            assert context.rule_sets.keep(acme, version, [])
        make("r")
        assert [rule.name for rule in rules()] == ["r"]


class TestDmarc:
    def test_it_is_on_for_a_new_organization_and_can_be_switched(self, caller: Any, acme: str, context: Any) -> None:
        assert caller("DescribeInboundDmarcSettings", OrganizationId=acme) == {"Enforced": True}
        for enforced in (False, False, True):
            assert caller("PutInboundDmarcSettings", OrganizationId=acme, Enforced=enforced) == {}
            assert caller("DescribeInboundDmarcSettings", OrganizationId=acme) == {"Enforced": enforced}
            for name in ("example.com", "acme.mail.test"):
                assert context.directory.domain(name).dmarc_enforced is enforced

    def test_unknown_organizations_are_not_found(self, caller: Any) -> None:
        unknown = {"OrganizationId": "m-" + "0" * 32}
        caller.refused("OrganizationNotFoundException", "DescribeInboundDmarcSettings", **unknown)
        caller.refused("OrganizationNotFoundException", "PutInboundDmarcSettings", **unknown, Enforced=True)


def test_the_models_limits_are_those_of_the_service() -> None:
    assert SHAPES["MailFlowPatternList"]["max"] == MAX_PATTERNS_OF_A_RULE
    assert SHAPES["MailFlowRecipientList"]["max"] == MAX_RECIPIENTS
