"""The index has the same result as a loop over all rules, for every recipient, at the cost of a few rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import given
from hypothesis import strategies as st

from postroom.model.addresses import Address
from postroom.model.rule_explanation import explain
from postroom.model.rule_index import Reading, RuleSet
from postroom.model.rules import MOST_RESTRICTIVE_FIRST, ActionType, Direction, LambdaCall, Pattern, Rule, Specificity
from tests.support.rules import BYPASS, USERS, applied, deliveries, plan, refused, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ACTIONS: Final = tuple(action for action in MOST_RESTRICTIVE_FIRST[Direction.INBOUND] if action != "RUN_LAMBDA")
DOMAINS: Final = ("b.test", "a.b.test", "x.a.b.test", "c.test", "acme.test")
LOCALS: Final = ("ann", "ben")
ADDRESSES: Final = [Address(local, domain) for local in (*LOCALS, "ann+tag") for domain in DOMAINS]
PATTERNS: Final = st.sampled_from(
    [
        *(f"{local}@{domain}" for local in LOCALS for domain in DOMAINS),
        *DOMAINS,
        *(f"*.{domain}" for domain in (*DOMAINS, "test")),
        "*",
    ]
)
SIDES: Final = st.lists(PATTERNS, min_size=1, max_size=4)
RULES: Final = st.lists(st.builds(rule, st.sampled_from(ACTIONS), SIDES, SIDES), max_size=8)
HEADERS: Final = st.lists(st.sampled_from(ADDRESSES), max_size=3)


def specificity(pattern: Pattern, address: Address | None, *, recipient: bool) -> tuple[int, int] | None:
    """Say how specific a pattern is that means an address; None if it does not."""
    labels = pattern.text.count(".")
    if pattern.specificity is Specificity.ANY:
        return 0, 0
    if address is None:
        return None
    if pattern.specificity is Specificity.ADDRESS:
        local = address.local.partition("+")[0] if recipient else address.local
        return (3, 0) if pattern.text == f"{local}@{address.domain}" else None
    if pattern.specificity is Specificity.DOMAIN:
        return (2, 0) if pattern.text == address.domain else None
    return (1, labels) if f".{address.domain}".endswith(pattern.text[1:]) else None


def matches(
    rules: Sequence[Rule], sender: Address | None, recipient: Address
) -> Iterator[tuple[tuple[object, ...], Rule]]:
    """Yield every rule that matches with its rank; the largest rank wins."""
    order = MOST_RESTRICTIVE_FIRST[Direction.INBOUND]
    for each in rules:
        for one in each.sender_patterns:
            for other in each.recipient_patterns:
                sent, got = specificity(one, sender, recipient=False), specificity(other, recipient, recipient=True)
                if sent is not None and got is not None:
                    yield (sent, got, -order.index(each.action.type), -each.created), each


def naive(
    rules: Sequence[Rule], senders: Sequence[Address], froms: Sequence[Address], recipient: Address
) -> Rule | None:
    """Decide with a loop over all rules, as the guide describes it."""
    order = MOST_RESTRICTIVE_FIRST[Direction.INBOUND]
    nobody: list[Address | None] = [None]
    for header in (senders, froms or nobody):
        results = [list(matches(rules, sender, recipient)) for sender in header]
        winners = [max(found, key=lambda each: each[0])[1] for found in results if found]
        if winners:
            best = min(winners, key=lambda each: (order.index(each.action.type), each.created))
            return None if best.action.type is BYPASS and len(winners) < len(results) else best
    return None


@given(RULES, HEADERS, HEADERS, st.lists(st.sampled_from(ADDRESSES), max_size=6))
def test_the_index_equals_a_loop_over_all_rules(
    rules: list[Rule], senders: list[Address], froms: list[Address], recipients: list[Address]
) -> None:
    named = {str(recipient): recipient for recipient in recipients}
    decided = RuleSet(rules, Direction.INBOUND).decide(senders, froms, named)
    wanted = {name: naive(rules, senders, froms, recipient) for name, recipient in named.items()}
    assert decided == {name: rule for name, rule in wanted.items() if rule is not None}


@given(RULES, st.lists(st.tuples(HEADERS, HEADERS), min_size=1, max_size=3), st.sampled_from(ADDRESSES))
def test_of_several_readings_the_most_restrictive_result_wins(
    rules: list[Rule], headers: list[tuple[list[Address], list[Address]]], recipient: Address
) -> None:
    readings = [Reading(tuple(senders), tuple(froms)) for senders, froms in headers]
    decided = RuleSet(rules, Direction.INBOUND).decide_all(readings, {"ann": recipient})
    order = MOST_RESTRICTIVE_FIRST[Direction.INBOUND]
    results = [naive(rules, *reading, recipient) for reading in readings]
    winners = [each for each in results if each is not None]
    best = min(winners, key=lambda each: (order.index(each.action.type), each.created), default=None)
    if best is not None and best.action.type is BYPASS and len(winners) < len(results):
        best = None
    assert decided.get("ann") == best


def test_a_bypass_beside_a_rule_that_calls_a_function_calls_it() -> None:
    asks = rule(ActionType.RUN_LAMBDA, "c.test", call=LambdaCall("arn:aws:lambda:x", synchronous=False))
    rules = RuleSet([rule(BYPASS, "b.test"), asks], Direction.INBOUND)
    friend, other, ann = Address("x", "b.test"), Address("x", "c.test"), {"ann": Address("ann", "acme.test")}
    assert rules.decide((), [friend, other], ann) == {"ann": asks}
    assert rules.decide_all([Reading((), (friend,)), Reading((), (other,))], ann) == {"ann": asks}


@given(RULES, HEADERS, HEADERS, st.sampled_from(ADDRESSES))
def test_an_explanation_names_the_winner_first_and_every_rule_that_matches(
    rules: list[Rule], senders: list[Address], froms: list[Address], recipient: Address
) -> None:
    explained = explain(RuleSet(rules, Direction.INBOUND), senders, froms, recipient)
    assert explained.rule == naive(rules, senders, froms, recipient)
    if explained.rule is not None:
        assert explained.matches[0].rule is explained.rule
    nobody: list[Address | None] = [None]
    header: Sequence[Address | None] = senders if explained.header == "Sender" else froms or nobody
    wanted = {(each.id, str(sender)) for sender in header for _, each in matches(rules, sender, recipient)}
    assert {(match.rule.id, str(match.sender)) for match in explained.matches} == wanted
    assert explained.reason


@given(
    RULES,
    st.lists(st.sampled_from(ADDRESSES), max_size=2),
    st.lists(st.sampled_from([*USERS, "team", "nobody", "ann+x"]), min_size=1, max_size=7),
)
def test_every_recipient_gets_exactly_one_action(rules: list[Rule], froms: list[Address], names: list[str]) -> None:
    head = b"From: " + ", ".join(map(str, froms)).encode()
    decided = plan(rules, head, *names)
    wanted = {f"{name}@acme.test" for name in names}
    decided_about = [recipient for entry in applied(decided) for recipient in entry.recipients]
    assert len(decided_about) == len(set(decided_about))
    assert wanted.issuperset(decided_about)
    ruled = {recipient: entry.action for entry in applied(decided) for recipient in entry.recipients}
    bouncing = refused(decided)
    assert len(bouncing) == len(set(bouncing))
    dropped = {recipient for recipient, action in ruled.items() if action == ActionType.DROP}
    bounced = {recipient for recipient, action in ruled.items() if action == ActionType.BOUNCE}
    nobody = {"nobody@acme.test"} & wanted - dropped
    assert set(bouncing) == bounced | nobody
    mailboxes = [order.mailbox_id for order in deliveries(decided)]
    assert len(mailboxes) == len(set(mailboxes))
    reached = {name.partition("@")[0].partition("+")[0] for name in wanted - dropped - bounced - nobody}
    assert set(mailboxes) == (reached - {"team"}) | ({"ann", "ben"} if "team" in reached else set())


def test_a_lookup_tries_as_many_patterns_with_a_thousand_rules_as_with_one() -> None:
    """Counts of reads of the tables, not times."""

    class Counted(dict[str, Rule]):
        asked = 0

        def __contains__(self, key: object) -> bool:
            Counted.asked += 1
            return super().__contains__(key)

        def get(self, *key: object) -> Rule | None:  # type: ignore[override]
            Counted.asked += 1
            return super().get(*key)  # type: ignore[call-overload, no-any-return]

    asked = []
    for size in (1, 1000):
        rules = [rule(BYPASS, f"s{number}.test", f"r{number}.test") for number in range(size)]
        index = RuleSet([*rules, rule(BYPASS, "b.test", "acme.test")], Direction.INBOUND)
        index._tables = {key: Counted(table) for key, table in index._tables.items()}
        Counted.asked = 0
        found = index.decide((), [Address("x", "b.test")], {"ann": Address("ann", "acme.test")})
        assert set(found) == {"ann"}
        asked.append(Counted.asked)
    assert asked[0] == asked[1] > 0
