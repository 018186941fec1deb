"""From the rules that hold to those of a file: which steps, in which order, and what to beware of."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from cli.errors import RefusedError
from cli.rules_file import WrittenCall, WrittenRule
from cli.rules_plan import Change, KnownRule, differences, plan
from postroom.model.addresses import Address
from postroom.model.limits import MAX_PATTERNS
from postroom.model.rule_index import RuleSet
from postroom.model.rules import ActionType, Direction, Pattern, Rule, RuleAction


def rule(name: str, action: str = "DROP", *senders: str, **changes: Any) -> WrittenRule:
    members = {"senders": senders or (f"{name}.example",), "recipients": ("*",), **changes}
    return WrittenRule(name=name, action=action, **members)


def known(*rules: WrittenRule) -> list[KnownRule]:
    return [KnownRule(f"id-{rule.name}", rule, "then", "then") for rule in rules]


def steps(before: list[WrittenRule], after: list[WrittenRule]) -> list[tuple[str, str]]:
    return [(step.change.value, step.name) for step in plan(known(*before), after)]


def test_rules_are_known_by_their_name_whatever_its_case() -> None:
    same, other, gone = rule("same"), rule("other"), rule("gone")
    assert steps([same, other, gone], [rule("same"), rule("OTHER"), rule("new")]) == [
        ("delete", "gone"),
        ("change", "OTHER"),
        ("create", "new"),
        ("unchanged", "same"),
    ]
    (_, step, *_) = plan(known(same, other, gone), [rule("same"), rule("OTHER"), rule("new")])
    assert step.known is not None
    assert step.known.id == "id-other"


def test_the_order_of_rules_and_patterns_means_nothing() -> None:
    one = rule("a", "DROP", "x.example", "y.example")
    other = rule("a", "DROP", "y.example", "x.example")
    assert steps([one, rule("b")], [rule("b"), other]) == [("unchanged", "a"), ("unchanged", "b")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"description": "d"}, ("description", "", "d")),
        ({"action": "BOUNCE"}, ("action", "DROP", "BOUNCE")),
        ({"recipients": ("a@b.example",)}, ("recipients", ["*"], ["a@b.example"])),
    ],
)
def test_differences_are_named(change: dict[str, Any], expected: tuple[str, Any, Any]) -> None:
    members: dict[str, Any] = {"name": "r", "senders": ("*",), "recipients": ("*",), "action": "DROP"}
    (step,) = plan(known(WrittenRule(**members)), [WrittenRule(**members | change)])
    assert step.change is Change.CHANGE
    assert list(differences(step)) == [expected]


def test_no_mail_is_stopped_in_between_that_is_stopped_neither_before_nor_after() -> None:
    """Two ways to be spared, two to be stopped; every pair of rule sets, every message, after every step."""
    choices = [
        [rule("wide", "DROP", "*.evil.example"), rule("spare", "DEFAULT", "ann@a.evil.example")],
        [rule("wide", "BOUNCE", "*.evil.example"), rule("except", "BYPASS_SPAM_CHECK", "a.evil.example")],
        [rule("narrow", "DROP", "a.evil.example"), rule("spare", "MOVE_TO_JUNK", "ann@a.evil.example")],
        [rule("all", "DROP", "*"), rule("spare", "DEFAULT", "*.evil.example")],
        [rule("all", "RUN_LAMBDA", "*", call=ASKED), rule("told", "RUN_LAMBDA", "a.evil.example", call=TOLD)],
        [rule("wide", "RUN_LAMBDA", "*.evil.example", call=TOLD), rule("all", "BOUNCE", "*")],
        [rule("scan", "RUN_LAMBDA", "*", call=ASKED), rule("spare", "DEFAULT", "*.evil.example", "good.example")],
        [],
    ]
    froms = [Address("ann", "a.evil.example"), Address("bob", "a.evil.example"), Address("eve", "good.example")]
    for before, after in itertools.permutations(choices, 2):
        now = {each.key: each for each in before}
        for step in plan(known(*before), after):
            now.pop((step.direction, step.name.casefold()), None)
            if step.wanted is not None:
                now[step.wanted.key] = step.wanted
            for sender in froms:
                if stopped(list(now.values()), sender):
                    assert stopped(before, sender) or stopped(after, sender), (before, after, step, sender)
        assert sorted(now) == sorted(each.key for each in after)


def test_a_rule_that_may_be_refused_comes_before_anything_is_taken_away() -> None:
    drop, scan = rule("wide", "DROP", "*.evil.example"), rule("scan", "RUN_LAMBDA", "*", call=ASKED)
    assert steps([drop], [scan]) == [("create", "scan"), ("delete", "wide")]


def test_it_waits_for_an_exception_that_comes_by_a_change() -> None:
    drop, scan = rule("wide", "DROP", "*.evil.example"), rule("scan", "RUN_LAMBDA", "*", call=ASKED)
    spare, spare_more = (rule("spare", "DEFAULT", *senders) for senders in (("a.example",), ("a.example", "b.example")))
    assert steps([drop, spare], [scan, spare_more]) == [("delete", "wide"), ("change", "spare"), ("create", "scan")]


ASKED = WrittenCall(function="f", synchronous=True, fallback="DEFAULT", timeout_minutes=5)
TOLD = WrittenCall(function="g", synchronous=False)


def test_how_a_function_is_called_differs_in_words() -> None:
    before, after = (rule("r", "RUN_LAMBDA", "*", call=call) for call in (ASKED, TOLD))
    (step,) = plan(known(before), [after])
    assert list(differences(step)) == [
        ("lambda", "f, synchronous; DEFAULT if it fails for 5 minutes", "g, asynchronous"),
    ]
    (step,) = plan(known(before), [rule("r", "DROP", "*")])
    assert [name for name, *_ in differences(step)] == ["action", "lambda"]
    assert steps([before], [rule("r", "RUN_LAMBDA", "*", call=replace(ASKED, timeout_minutes=6))]) == [("change", "r")]
    assert steps([before], [before]) == [("unchanged", "r")]


def stopped(rules: list[WrittenRule], sender: Address) -> bool:
    compiled = RuleSet(
        [
            Rule(
                id=str(number),
                name=each.name,
                direction=Direction.INBOUND,
                description="",
                sender_patterns=tuple(map(Pattern.parse, each.senders)),
                recipient_patterns=tuple(map(Pattern.parse, each.recipients)),
                action=RuleAction(ActionType(each.action)),
                created=number,
                modified=number,
            )
            for number, each in enumerate(rules)
        ],
        Direction.INBOUND,
    )
    winner = compiled.decide([], [sender], {"": Address("ann", "acme.test")}).get("")
    if winner is None:
        return False
    call = rules[int(winner.id)].call
    return winner.action.type in {ActionType.DROP, ActionType.BOUNCE} or (call is not None and call.synchronous)


def test_a_full_organization_makes_room_first() -> None:
    senders = tuple(f"a{number}.example" for number in range(MAX_PATTERNS - 1))
    before = [rule("old", "DEFAULT", *senders), rule("small", "DEFAULT", "s.example")]
    after = [rule("new", "DEFAULT", *senders), rule("small", "DEFAULT", "s.example")]
    assert steps(before, after) == [("delete", "old"), ("create", "new"), ("unchanged", "small")]


def test_more_patterns_than_an_organization_has_are_refused_before_anything_changes() -> None:
    """Of those together that the file holds and those of the direction that it does not name."""
    stay = replace(
        rule("stay", "DEFAULT", *(f"a{n}.example" for n in range(MAX_PATTERNS))), direction=Direction.OUTBOUND
    )
    with pytest.raises(RefusedError, match=f"{MAX_PATTERNS + 1} sender patterns"):
        steps([stay], [rule("one more", "DEFAULT", "b.example"), stay])


class TestWarnings:
    def test_of_the_same_two_patterns_the_more_restrictive_decides(self) -> None:
        junk = rule("junk", "MOVE_TO_JUNK", "evil.example", "other.example")
        spare = rule("spare", "DEFAULT", "evil.example")
        assert warned(rule("drop", "DROP", "evil.example"), junk, spare) == {
            "junk": ["never decides about evil.example → *: 'drop' matches the same, and DROP is more restrictive"],
            "spare": ["never decides about evil.example → *: 'drop' matches the same, and DROP is more restrictive"],
        }
        assert warned(rule("a", "DROP", "evil.example"), rule("b", "DROP", "evil.example")) == {
            "b": ["has the patterns evil.example → * of 'a'; the older of the two decides"]
        }
        assert warned(rule("a", "DROP", "evil.example"), rule("b", "DEFAULT", "a@evil.example")) == {}

    def test_a_rule_for_all_senders_or_recipients_has_a_warning(self) -> None:
        assert warned(
            rule("all", "DROP", "*"), rule("spam", "BYPASS_SPAM_CHECK", "*", recipients=("a@b.example",))
        ) == {
            "all": ["DROP applies to every message that no rule with a more specific sender matches"],
            "spam": ["spam from every sender goes to the inbox"],
        }
        assert warned(rule("one", "DROP", "*", recipients=("old@b.example",))) == {}

    def test_a_synchronous_rule_comes_before_an_asynchronous_one(self) -> None:
        told, asked = rule("told", "RUN_LAMBDA", "*", call=TOLD), rule("asked", "RUN_LAMBDA", "*", call=ASKED)
        assert warned(told, asked) == {
            "told": ["never decides about * → *: 'asked' matches the same, and it waits for its function"]
        }
        assert warned(asked, replace(asked, name="same")) == {
            "same": ["has the patterns * → * of 'asked'; the older of the two decides"]
        }
        assert warned(asked, rule("usual", "DEFAULT", "*")) == {
            "asked": ["never decides about * → *: 'usual' matches the same, and DEFAULT is more restrictive"]
        }

    def test_a_fallback_that_stops_mail_is_pointed_at(self) -> None:
        dropping = rule("r", "RUN_LAMBDA", "a.example", call=replace(ASKED, fallback="DROP"))
        assert warned(dropping) == {
            "r": ["if its function fails, the action is DROP for every message that the rule matches"]
        }

    def test_outbound_rules_have_their_own_order_and_default_ties_are_explained(self) -> None:
        """The guide's list begins with DEFAULT, which contradicts "most restrictive"."""
        usual, through = outbound("usual", "DEFAULT", "a.example"), outbound("relay", "SMTP_GATEWAY", "a.example")
        asked = outbound("asked", "RUN_LAMBDA", "a.example", call=ASKED)
        doubt = "here; WorkMail's documentation puts DEFAULT first for outbound mail"
        assert warned(usual, asked, through) == {
            "asked": [
                "never decides about a.example → *: 'relay' matches the same, and SMTP_GATEWAY is more restrictive"
            ],
            "usual": [
                "never decides about a.example → *: 'relay' matches the same, and SMTP_GATEWAY is more restrictive "
                + doubt
            ],
        }
        assert warned(usual, replace(usual, name="same")) == {
            "same": ["has the patterns a.example → * of 'usual'; the older of the two decides"]
        }

    def test_rules_of_different_directions_do_not_stand_in_each_others_way(self) -> None:
        assert warned(rule("in", "DROP", "a.example"), outbound("out", "DEFAULT", "a.example")) == {}


def outbound(name: str, action: str, *senders: str, **changes: Any) -> WrittenRule:
    return replace(rule(name, action, *senders, **changes), direction=Direction.OUTBOUND)


def test_a_rule_of_the_other_direction_is_another_whatever_its_name() -> None:
    assert steps([rule("same", "DEFAULT")], [outbound("same", "DEFAULT"), rule("same", "DEFAULT")]) == [
        ("create", "same"),
        ("unchanged", "same"),
    ]
    assert steps([outbound("same", "DEFAULT")], [rule("same", "DEFAULT")]) == [("create", "same"), ("delete", "same")]


def test_another_gateway_is_a_change() -> None:
    before = outbound("r", "SMTP_GATEWAY", "*", gateway="Relay")
    (step,) = plan(known(before), [replace(before, gateway="Other")])
    assert list(differences(step)) == [("gateway", "Relay", "Other")]


def warned(*rules: WrittenRule) -> dict[str, list[str]]:
    return {step.name: step.warnings for step in plan([], rules) if step.warnings}
