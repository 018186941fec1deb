"""The meaning of a rule function's answer, by the guide and by the answers of published functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.rule_lambda import MAX_ANSWER_BYTES, read_answer
from postroom.errors import InvalidRuleAnswerError
from postroom.model.addresses import Address
from postroom.model.limits import MAX_RECIPIENTS
from postroom.model.rules import ActionType, Direction, RuleAction
from postroom.rules.outcomes import Ignored, Outcomes, Why, fallback_for_all, outcomes, through

ANNA, BORIS, CLARA = "anna@example.com", "boris@example.com", "clara@example.com"
FALLBACK = RuleAction(ActionType.MOVE_TO_JUNK)


def entry(kind: str, *recipients: str, all_recipients: object = None, **parameters: str) -> dict[str, Any]:
    action: dict[str, Any] = {"type": kind}
    if parameters:
        action["parameters"] = parameters
    shown: dict[str, Any] = {"action": action}
    if recipients:
        shown["recipients"] = list(recipients)
    if all_recipients is not None:
        shown["allRecipients"] = all_recipients
    return shown


def decide_outbound(
    *entries: dict[str, Any], gateway: str | None, fallback: ActionType = ActionType.DEFAULT, others: int = 0
) -> Outcomes:
    """Decide about outbound mail, in which anybody may be added."""
    answer = read_answer(json.dumps({"actions": entries}).encode(), Direction.OUTBOUND)
    return outcomes(
        answer,
        (ANNA, BORIS),
        envelope=(ANNA, BORIS, *(f"{number}@there.example" for number in range(others))),
        fallback=through(RuleAction(fallback), gateway),
        added_as=str,
        gateway_id=gateway,
    )


def decide(*entries: dict[str, Any], won: tuple[str, ...] = (ANNA, BORIS), more: tuple[str, ...] = ()) -> Outcomes:
    answer = read_answer(json.dumps({"actions": entries}).encode(), Direction.INBOUND)
    return outcomes(
        answer,
        won,
        envelope=(*won, *more),
        fallback=FALLBACK,
        added_as=lambda address: str(address.folded()) if address.domain == "example.com" else None,
    )


def types(found: Outcomes) -> dict[str, str]:
    return {recipient: outcome.action.type.value for recipient, outcome in found.by_recipient.items()}


def test_a_recipient_is_dropped_and_the_others_are_not() -> None:
    """ZH:4163-4186, the guide's first example."""
    found = decide(entry("DEFAULT", all_recipients=True), entry("DROP", BORIS))
    assert types(found) == {ANNA: "DEFAULT", BORIS: "DROP"}


def test_a_bounce_carries_its_message() -> None:
    """ZH:4188-4204, the guide's second example."""
    found = decide(entry("BOUNCE", all_recipients=True, bounceMessage="Email in breach of company policy."))
    assert {outcome.action.bounce_message for outcome in found.by_recipient.values()} == {
        "Email in breach of company policy."
    }


def test_a_recipient_is_added() -> None:
    """ZH:4206-4230, the guide's third example."""
    found = decide(entry("DEFAULT", CLARA), entry("DEFAULT", all_recipients=True))
    assert types(found) == {ANNA: "DEFAULT", BORIS: "DEFAULT", CLARA: "DEFAULT"}
    assert found.by_recipient[CLARA].why is Why.ADDED


def test_an_action_that_names_a_recipient_wins_at_any_place() -> None:
    """ZH:4124: allRecipients is for those that no other action is about."""
    for entries in ([0, 1], [1, 0]):
        given_entries = [entry("BOUNCE", all_recipients=True), entry("DEFAULT", ANNA)]
        assert types(decide(*(given_entries[i] for i in entries))) == {ANNA: "DEFAULT", BORIS: "BOUNCE"}


def test_of_two_actions_that_name_a_recipient_the_first_wins() -> None:
    assert types(decide(entry("DROP", ANNA), entry("DEFAULT", ANNA, BORIS))) == {ANNA: "DROP", BORIS: "DEFAULT"}


def test_recipients_that_nothing_covers_get_the_fallback() -> None:
    """ZH:3982."""
    found = decide(entry("DEFAULT", ANNA))
    assert types(found) == {ANNA: "DEFAULT", BORIS: "MOVE_TO_JUNK"}
    assert found.by_recipient[BORIS].why is Why.FALLBACK


def test_an_empty_answer_means_the_fallback_for_all() -> None:
    assert decide() == fallback_for_all((ANNA, BORIS), FALLBACK)


@pytest.mark.parametrize("flag", [True, "true", "True", "TRUE"])
def test_published_functions_send_the_flag_as_a_string(flag: object) -> None:
    assert types(decide(entry("DROP", all_recipients=flag))) == {ANNA: "DROP", BORIS: "DROP"}


def test_an_entry_without_recipients_does_nothing() -> None:
    """As stop-mail-storm answers."""
    answer = {
        "actions": [
            {"action": {"type": "DROP"}, "recipients": []},
            {"action": {"type": "DEFAULT"}, "allRecipients": True},
        ]
    }
    read = read_answer(json.dumps(answer).encode(), Direction.INBOUND)
    found = outcomes(read, (ANNA,), envelope=(ANNA,), fallback=FALLBACK, added_as=lambda _: None)
    assert types(found) == {ANNA: "DEFAULT"}


def test_an_entry_may_name_recipients_and_mean_the_rest_as_well() -> None:
    """As restricted-mailboxes answers."""
    assert types(decide(entry("DROP", ANNA, all_recipients=True))) == {ANNA: "DROP", BORIS: "DROP"}


def test_names_may_be_in_upper_case_or_with_a_display_name() -> None:
    found = decide(entry("DROP", "Anna Example <ANNA@Example.COM>"), entry("DEFAULT", " BORIS@example.com "))
    assert types(found) == {ANNA: "DROP", BORIS: "DEFAULT"}


def test_unicode_domains_mean_their_a_labels() -> None:
    found = decide(entry("DROP", "anna@bücher.example"), won=("anna@xn--bcher-kva.example",))
    assert types(found) == {"anna@xn--bcher-kva.example": "DROP"}


def test_a_name_that_another_rule_won_is_ignored_and_recorded() -> None:
    found = decide(entry("DROP", CLARA), entry("DEFAULT", all_recipients=True), more=(CLARA,))
    assert types(found) == {ANNA: "DEFAULT", BORIS: "DEFAULT"}
    assert found.ignored == {CLARA: Ignored.ANOTHER_RULE}


def test_an_address_of_another_organization_is_not_added() -> None:
    """ZH:4120: only recipients of one's own organization."""
    found = decide(entry("DEFAULT", "eve@elsewhere.example"), entry("DEFAULT", all_recipients=True))
    assert found.ignored == {"eve@elsewhere.example": Ignored.OTHER_ORGANIZATION}


@pytest.mark.parametrize("kind", ["DROP", "BOUNCE"])
def test_an_action_that_refuses_adds_no_recipient(kind: str) -> None:
    assert decide(entry(kind, CLARA)).ignored == {CLARA: Ignored.NOT_TO_BE_ADDED}


def test_words_that_are_not_addresses_are_ignored_and_recorded() -> None:
    assert decide(entry("DEFAULT", "", "everybody", "a@")).ignored == dict.fromkeys(
        ("", "everybody", "a@"), Ignored.NO_ADDRESS
    )


def test_no_more_are_added_than_a_message_can_have() -> None:
    names = [f"u{n}@example.com" for n in range(600)]
    found = decide(entry("DEFAULT", *names), entry("DEFAULT", all_recipients=True))
    assert len(found.by_recipient) == 500
    assert list(found.ignored.values()) == [Ignored.TOO_MANY] * 102


def test_actions_after_the_tenth_unique_one_get_the_fallback() -> None:
    """ZH:4150."""
    won = tuple(f"u{n}@example.com" for n in range(12))
    bounces = [entry("BOUNCE", recipient, bounceMessage=f"text {n}") for n, recipient in enumerate(won)]
    found = decide(*bounces, won=won)
    assert [outcome.action.type for outcome in found.by_recipient.values()].count(ActionType.BOUNCE) == 10
    assert {types(found)[won[10]], types(found)[won[11]]} == {"MOVE_TO_JUNK"}


def test_the_same_action_again_counts_once() -> None:
    won = tuple(f"u{n}@example.com" for n in range(30))
    assert set(types(decide(*(entry("DROP", recipient) for recipient in won), won=won)).values()) == {"DROP"}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"DEFAULT"',
        b"{}",
        b'{"actions": null}',
        b'{"actions": {}}',
        b'{"actions": [null]}',
        b'{"actions": [{}]}',
        b'{"actions": [{"action": "DROP"}]}',
        b'{"actions": [{"action": {"type": "DELETE"}, "allRecipients": true}]}',
        b'{"actions": [{"action": {"type": "drop"}, "allRecipients": true}]}',
        b'{"actions": [{"action": {"type": "RUN_LAMBDA"}, "allRecipients": true}]}',
        b'{"actions": [{"action": {"type": "DROP"}, "allRecipients": 1}]}',
        b'{"actions": [{"action": {"type": "DROP"}, "allRecipients": "yes"}]}',
        b'{"actions": [{"action": {"type": "DROP"}, "recipients": "anna@example.com"}]}',
        b'{"actions": [{"action": {"type": "DROP"}, "recipients": [1]}]}',
        b'{"actions": [{"action": {"type": "BOUNCE", "parameters": {"bounceMessage": 5}}, "allRecipients": true}]}',
        b'{"actions": [], "score": NaN}',
        b'{"actions": [{"action": {"type": "\xff"}}]}',
        b"[" * 100_000,
        b'{"actions": []}' + b" " * MAX_ANSWER_BYTES,
    ],
)
def test_an_answer_of_another_form_is_invalid(payload: bytes) -> None:
    with pytest.raises(InvalidRuleAnswerError):
        read_answer(payload, Direction.INBOUND)


def test_an_action_of_inbound_mail_is_invalid_for_outbound() -> None:
    """ZH:4110."""
    payload = b'{"actions": [{"action": {"type": "MOVE_TO_JUNK"}, "allRecipients": true}]}'
    with pytest.raises(InvalidRuleAnswerError, match="outbound mail has no action MOVE_TO_JUNK"):
        read_answer(payload, Direction.OUTBOUND)


def test_the_error_never_quotes_the_answer() -> None:
    with pytest.raises(InvalidRuleAnswerError) as caught:
        read_answer(b'{"actions": [{"action": {"type": "SECRET"}, "SECRET": 1}]}', Direction.INBOUND)
    assert "SECRET" not in caught.value.cause
    assert "actions.0.action.type" in caught.value.cause


def test_reading_stops_at_the_first_entry_that_is_wrong() -> None:
    """An answer has room for 130,000, whose faults together would take 200 MB."""
    with pytest.raises(InvalidRuleAnswerError, match=r"form: actions\.1$"):
        read_answer(json.dumps({"actions": [entry("DROP", ANNA), *[1] * 1000]}).encode(), Direction.INBOUND)
    with pytest.raises(InvalidRuleAnswerError, match=r"form: actions\.0\.recipients\.1$"):
        read_answer(json.dumps({"actions": [entry("DROP", ANNA, *[1] * 1000)]}).encode(), Direction.INBOUND)  # type: ignore[arg-type]


def test_undocumented_keys_are_ignored() -> None:
    assert types(decide({**entry("DROP", all_recipients=True), "default": True})) == {ANNA: "DROP", BORIS: "DROP"}


class TestOutbound:
    def test_mail_that_is_let_through_takes_the_rules_gateway(self) -> None:
        found = decide_outbound(entry("DEFAULT", ANNA), entry("DROP", BORIS), gateway="g-1")
        assert {name: outcome.action for name, outcome in found.by_recipient.items()} == {
            ANNA: RuleAction(ActionType.SMTP_GATEWAY, gateway_id="g-1"),
            BORIS: RuleAction(ActionType.DROP),
        }

    def test_without_a_gateway_it_takes_the_usual_way(self) -> None:
        assert types(decide_outbound(entry("DEFAULT", all_recipients=True), gateway=None)) == {
            ANNA: "DEFAULT",
            BORIS: "DEFAULT",
        }

    @pytest.mark.parametrize("fallback", [ActionType.DEFAULT, ActionType.SMTP_GATEWAY])
    def test_so_does_what_the_fallback_lets_through(self, fallback: ActionType) -> None:
        gateway = RuleAction(ActionType.SMTP_GATEWAY, gateway_id="g-1")
        found = decide_outbound(entry("DROP", ANNA), gateway="g-1", fallback=fallback)
        assert found.by_recipient[BORIS].action == gateway
        everybody = fallback_for_all((ANNA,), through(RuleAction(fallback), "g-1"))
        assert everybody.by_recipient[ANNA].action == gateway

    @pytest.mark.parametrize("fallback", [ActionType.DROP, ActionType.BOUNCE])
    def test_a_fallback_that_stops_mail_stops_it(self, fallback: ActionType) -> None:
        found = decide_outbound(gateway="g-1", fallback=fallback)
        assert {outcome.action for outcome in found.by_recipient.values()} == {RuleAction(fallback)}

    @pytest.mark.parametrize("gateway", ["g-1", None])
    def test_any_address_may_be_added_up_to_500_in_all(self, gateway: str | None) -> None:
        """ZH:4123 speaks of one's own organization for inbound mail alone; ZH:4141."""
        names = [f"new{number}@elsewhere.example" for number in range(4)]
        found = decide_outbound(entry("DEFAULT", ANNA, BORIS, *names), gateway=gateway, others=MAX_RECIPIENTS - 4)
        added = [name for name, outcome in found.by_recipient.items() if outcome.why is Why.ADDED]
        assert added == names[:2]
        assert found.ignored == dict.fromkeys(names[2:], Ignored.TOO_MANY)

    @pytest.mark.parametrize("kind", ["MOVE_TO_JUNK", "BYPASS_SPAM_CHECK", "SMTP_GATEWAY"])
    def test_an_answer_has_only_the_actions_of_its_direction(self, kind: str) -> None:
        """ZH:4111: a function cannot choose a gateway, its rule does."""
        with pytest.raises(InvalidRuleAnswerError):
            decide_outbound(entry(kind, all_recipients=True), gateway="g-1")


names = st.sampled_from([ANNA, BORIS, CLARA, "eve@elsewhere.example", "ANNA@example.com", "nobody", "dora@example.com"])
entries_of = st.lists(
    st.builds(
        lambda kind, who, flag: {"action": {"type": kind}, "recipients": who, "allRecipients": flag},
        st.sampled_from(["DROP", "BOUNCE", "DEFAULT", "MOVE_TO_JUNK", "BYPASS_SPAM_CHECK"]),
        st.lists(names, max_size=4),
        st.sampled_from([True, False, "true", "False"]),
    ),
    max_size=14,
)


@given(entries_of, st.lists(st.sampled_from([ANNA, BORIS]), unique=True))
def test_every_recipient_gets_exactly_one_action_and_other_recipients_are_not_changed(
    entries: list[dict[str, Any]], won: list[str]
) -> None:
    answer = read_answer(json.dumps({"actions": entries}).encode(), Direction.INBOUND)
    found = outcomes(
        answer,
        won,
        envelope=[*won, CLARA],
        fallback=FALLBACK,
        added_as=lambda address: str(address) if address == Address("dora", "example.com") else None,
    )
    assert set(won) <= set(found.by_recipient)
    added = set(found.by_recipient) - set(won)
    assert added <= {"dora@example.com"}
    assert not set(found.by_recipient) & set(found.ignored)
