"""An explanation says in one sentence why a rule wins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.model.addresses import Address
from postroom.model.rule_explanation import explain
from postroom.model.rule_index import RuleSet
from postroom.model.rules import ActionType, Direction, LambdaCall, RuleAction
from tests.support.rules import BOUNCE, BYPASS, DEFAULT, DROP, JUNK, rule

if TYPE_CHECKING:
    from postroom.model.rules import Rule

BOB, EVE, ROBOT, ANN = (
    Address("bob", "example.org"),
    Address("eve", "evil.test"),
    Address("x", "robot.test"),
    Address("ann", "acme.test"),
)


def why(rules: list[Rule], *froms: Address, sender: Address | None = None) -> tuple[str | None, list[str], str]:
    """Return the winner's name, all names, and the reason."""
    said = explain(RuleSet(rules, Direction.INBOUND), (sender,) if sender else (), froms, ANN)
    return said.rule.name if said.rule else None, [match.rule.name for match in said.matches], said.reason


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([rule(DROP, name="a")], "no other rule matches"),
        (
            [rule(DROP, "example.org", name="b"), rule(JUNK, "bob@example.org", name="a")],
            "sender pattern bob@example.org is more specific than example.org",
        ),
        (
            [rule(DROP, "*", "*.test", name="b"), rule(JUNK, "*", "acme.test", name="a")],
            "recipient pattern acme.test is more specific than *.test",
        ),
        (
            [rule(DEFAULT, name="b"), rule(BOUNCE, name="a")],
            "equally specific, and BOUNCE is more restrictive than DEFAULT",
        ),
        ([rule(DROP, name="a"), rule(DROP, name="b")], "equally specific, same action: the older rule"),
    ],
)
def test_a_winner_is_explained_by_the_reason_that_puts_it_first(rules: list[Rule], reason: str) -> None:
    assert why(rules, BOB) == ("a", sorted(each.name for each in rules), reason)


def test_a_function_that_is_waited_for_comes_before_an_older_one_that_is_not() -> None:
    hand_over = RuleAction(ActionType.RUN_LAMBDA, call=LambdaCall("arn:a", synchronous=False))
    wait = RuleAction(ActionType.RUN_LAMBDA, call=LambdaCall("arn:b", synchronous=True, fallback=DEFAULT))
    older, younger = (replace(rule(DROP, name=name), action=hand_over) for name in ("older", "younger"))
    waiting = replace(rule(DROP, name="waiting"), action=wait)
    reason = "equally specific, and a synchronous call comes before an asynchronous one"
    assert why([older, waiting], BOB) == ("waiting", ["waiting", "older"], reason)
    assert why([younger, older], BOB)[2] == "equally specific, same action: the older rule"


def test_the_explanation_says_that_there_is_no_rule() -> None:
    assert why([rule(DROP, "other.test")], BOB) == (None, [], "no rule matches: the message is handled normally")


def test_the_explanation_says_that_sender_comes_before_from() -> None:
    rules = [rule(JUNK, "robot.test", name="a"), rule(DROP, "bob@example.org", name="b")]
    reason = "no other rule matches; a rule matches Sender, so From was not consulted"
    assert why(rules, BOB, sender=ROBOT) == ("a", ["a"], reason)


def test_the_strictest_of_several_from_addresses_is_named() -> None:
    rules = [rule(BYPASS, "bob@example.org", name="b"), rule(JUNK, "evil.test", name="a")]
    reason = "of 2 From addresses the most restrictive result wins: eve@evil.test's"
    assert why(rules, BOB, EVE) == ("a", ["a", "b"], reason)


def test_a_bypass_that_not_every_address_has_is_explained() -> None:
    name, names, reason = why([rule(BYPASS, "bob@example.org", name="b")], BOB, EVE)
    assert (name, names) == (None, ["b"])
    assert reason.startswith("not every From address has a rule that bypasses the spam check")
