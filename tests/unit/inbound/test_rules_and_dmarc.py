"""The guide's statements about inbound rules and DMARC, one by one (ZH:n is its line n)."""

from __future__ import annotations

import pytest

from postroom.errors import UnreadableRulesError
from postroom.model.facts import EventName
from postroom.model.records import Organization, OrganizationState
from postroom.model.rules import ActionType
from postroom.model.verdicts import DmarcPolicy, Verdict, Verdicts
from tests.support.rules import BOUNCE, BYPASS, DEFAULT, DROP, FLOW, JUNK, applied, became, plan, refused, rule

BOB = b"From: Bob <bob@example.org>"
SPAM = Verdicts(spam=Verdict.FAIL)
FAILED = Verdict.FAIL
IN, OUT = "INBOX", "JUNK_EMAIL"


def dmarc(policy: DmarcPolicy | None, spam: Verdict = Verdict.PASS, result: Verdict = FAILED) -> Verdicts:
    return Verdicts(spam=spam, dmarc=result, dmarc_policy=policy)


# the actions, ZH:3797-3807


def test_drop_delivers_nothing_and_sends_no_bounce_message() -> None:  # ZH:3799
    decided = plan([rule(DROP)], BOB, "ann")
    assert len(decided.entries) == len(applied(decided)) == 1
    assert became([rule(DROP)], BOB, "ann") == {"ann": "DROP"}


def test_bounce_delivers_nothing_and_records_the_reason() -> None:  # ZH:3800
    assert became([rule(BOUNCE, message="We moved.")], BOB, "ann") == {"ann": "5.7.1 We moved."}
    assert became([rule(BOUNCE)], BOB, "ann") == {"ann": "5.7.1 refused by a mail flow rule"}


def test_a_bounce_needs_no_mailbox() -> None:
    assert became([rule(BOUNCE, message="no")], BOB, "nobody") == {"nobody": "5.7.1 no"}
    assert became([rule(DROP)], BOB, "nobody") == {"nobody": "DROP"}


def test_junk_is_junk_even_where_the_mail_is_no_spam() -> None:  # ZH:3801
    assert became([rule(JUNK)], BOB, "ann") == {"ann": OUT}


def test_default_leaves_it_to_the_spam_check() -> None:  # ZH:3805
    assert became([rule(DEFAULT)], BOB, "ann") == {"ann": IN}
    assert became([rule(DEFAULT)], BOB, "ann", verdicts=SPAM) == {"ann": OUT}


def test_default_is_an_exception_from_a_rule_with_a_less_specific_sender() -> None:  # ZH:3805
    rules = [rule(DROP, "example.org"), rule(DEFAULT, "bob@example.org")]
    assert became(rules, BOB, "ann") == {"ann": IN}
    assert became(rules, b"From: eve@example.org", "ann") == {"ann": "DROP"}


def test_bypass_spam_check_delivers_even_spam_to_the_inbox() -> None:  # ZH:3806
    assert became([rule(BYPASS)], BOB, "ann", verdicts=SPAM) == {"ann": IN}


@pytest.mark.parametrize("spam", [Verdict.GRAY, Verdict.PROCESSING_FAILED, Verdict.PASS])
def test_only_fail_is_spam(spam: Verdict) -> None:
    assert became([], BOB, "ann", verdicts=Verdicts(spam=spam)) == {"ann": IN}


# the recipients of a rule, ZH:3859-3863


def test_a_rule_holds_for_each_of_its_patterns() -> None:  # ZH:3859
    rules = [rule(JUNK, ["a.test", "bob@example.org", "*.b.test"], ["ben@acme.test", "ann@acme.test"])]
    assert became(rules, BOB, "ann", "ben", "cleo") == {"ann": OUT, "ben": OUT, "cleo": IN}
    assert became(rules, b"From: x@deep.b.test", "ann") == {"ann": OUT}
    assert became(rules, b"From: x@example.org", "ann") == {"ann": IN}


def test_the_sender_header_is_matched_first() -> None:  # ZH:3861
    rules = [rule(DROP, "*.robot.test"), rule(JUNK, "bob@example.org")]
    assert became(rules, BOB + b"\r\nSender: x@robot.test", "ann") == {"ann": "DROP"}


def test_if_sender_matches_any_rule_from_is_not_consulted_however_specific() -> None:  # ZH:3861
    rules = [rule(JUNK, "*"), rule(DROP, "bob@example.org", "ann@acme.test")]
    assert became(rules, BOB + b"\r\nSender: x@robot.test", "ann") == {"ann": OUT}


def test_from_is_matched_where_there_is_no_sender() -> None:  # ZH:3861
    assert became([rule(JUNK, "bob@example.org")], BOB, "ann") == {"ann": OUT}


def test_from_is_matched_where_sender_matches_no_rule() -> None:  # ZH:3861
    assert became([rule(JUNK, "bob@example.org")], BOB + b"\r\nSender: x@robot.test", "ann") == {"ann": OUT}


def test_sender_is_matched_for_each_recipient() -> None:  # ZH:3861, "each rule applies to the recipients"
    rules = [rule(DROP, "robot.test", "ben@acme.test"), rule(JUNK, "bob@example.org")]
    assert became(rules, BOB + b"\r\nSender: x@robot.test", "ann", "ben") == {"ann": OUT, "ben": "DROP"}


def test_each_rule_applies_to_the_recipients_that_it_matches() -> None:  # ZH:3861
    rules = [
        rule(DROP, "*", "ann@acme.test"),
        rule(BOUNCE, "*", "ben@acme.test", message="no"),
        rule(JUNK, "*", "cleo@acme.test"),
    ]
    wanted = {"ann": "DROP", "ben": "5.7.1 no", "cleo": OUT, "dan": IN}
    assert became(rules, BOB, "ann", "ben", "cleo", "dan") == wanted


def test_headers_decide_and_never_the_envelope() -> None:  # ZH:3861
    rules = [rule(DROP, "envelope.test"), rule(JUNK, "header.test")]
    head = b"Return-Path: <x@envelope.test>\r\nReply-To: x@envelope.test\r\nFrom: x@header.test"
    assert became(rules, head, "ann") == {"ann": OUT}


def test_a_copy_in_another_header_is_no_recipient() -> None:  # ZH:3861
    rules = [rule(DROP, "*", "ben@acme.test")]
    assert became(rules, BOB + b"\r\nTo: ben@acme.test\r\nCc: ben@acme.test", "ann") == {"ann": IN}


# which rule wins, ZH:3865


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        ("example.org", "bob@example.org"),  # ZH:3865, its example
        ("*.example.org", "bob@example.org"),
        ("*", "bob@example.org"),
        ("*.example.org", "example.org"),
        ("*", "example.org"),
        ("*", "*.example.org"),
        ("*.org", "*.example.org"),
    ],
)
def test_the_most_specific_rule_wins_whatever_its_action(loser: str, winner: str) -> None:  # ZH:3865
    assert became([rule(DROP, loser), rule(DEFAULT, winner)], BOB, "ann") == {"ann": IN}
    assert became([rule(DEFAULT, loser), rule(DROP, winner)], BOB, "ann") == {"ann": "DROP"}


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        ("sub.acme.test", "ann@sub.acme.test"),
        ("*.sub.acme.test", "sub.acme.test"),
        ("*.acme.test", "*.sub.acme.test"),
        ("*", "*.acme.test"),
    ],
)
def test_recipients_are_as_specific_as_senders(loser: str, winner: str) -> None:  # ZH:3865
    assert became([rule(DROP, "*", loser), rule(DEFAULT, "*", winner)], BOB, "ann@sub.acme.test") == {"ann": IN}


def test_the_senders_specificity_counts_before_the_recipients() -> (
    None
):  # ours, architecture: ZH:3805 speaks of sender patterns
    rules = [rule(DROP, "*", "ann@acme.test"), rule(DEFAULT, "*.example.org", "*")]
    assert became(rules, BOB, "ann") == {"ann": IN}


ORDER = (DROP, BOUNCE, JUNK, DEFAULT, BYPASS)


@pytest.mark.parametrize("stricter", range(len(ORDER) - 1))
def test_of_equally_specific_rules_the_most_restrictive_wins(stricter: int) -> None:  # ZH:3865, in the order of ZH:3799
    first, second = rule(ORDER[stricter], "example.org"), rule(ORDER[stricter + 1], "example.org")
    for rules in ([first, second], [second, first]):
        (decided,) = applied(plan(rules, BOB, "ann"))
        assert decided.action == ORDER[stricter].value


def test_the_same_action_twice_is_the_older_rules() -> None:  # ours
    old, new = rule(BOUNCE, "example.org", message="old"), rule(BOUNCE, "example.org", message="new")
    for rules in ([old, new], [new, old]):
        assert became(rules, BOB, "ann") == {"ann": "5.7.1 old"}


def test_one_rule_can_be_specific_with_one_pattern_and_vague_with_another() -> None:
    rules = [rule(JUNK, ["*", "bob@example.org"]), rule(DROP, "example.org")]
    assert became(rules, BOB, "ann") == {"ann": OUT}
    assert became(rules, b"From: eve@example.org", "ann") == {"ann": "DROP"}


# where the guide is silent: ours


def test_of_several_from_addresses_the_most_restrictive_result_wins() -> None:
    rules = [rule(JUNK, "bob@example.org"), rule(DROP, "evil.test"), rule(DEFAULT, "good.test")]
    for head in (b"From: bob@example.org, x@evil.test, y@good.test", b"From: y@good.test\r\nFrom: x@evil.test"):
        assert became(rules, head, "ann") == {"ann": "DROP"}
    assert became(rules, b"From: y@good.test, bob@example.org", "ann") == {"ann": OUT}


def test_mail_bypasses_the_spam_check_only_if_every_from_address_does() -> None:
    rules = [rule(BYPASS, "good.test")]
    assert became(rules, b"From: a@good.test, b@good.test", "ann", verdicts=SPAM) == {"ann": IN}
    assert became(rules, b"From: a@good.test, x@evil.test", "ann", verdicts=SPAM) == {"ann": OUT}


@pytest.mark.parametrize("head", [b"Subject: s", b"From:", b"From: nobody at all", b"From: undisclosed:;", b"From: <>"])
def test_mail_without_from_matches_the_asterisk_alone(head: bytes) -> None:
    rules = [rule(JUNK, "*"), rule(DROP, ["*.org", "example.org"])]
    assert became(rules, head, "ann") == {"ann": OUT}


def test_rules_match_envelope_recipients_and_not_members_of_groups() -> None:
    rules = [rule(DROP, "*", "ann@acme.test")]
    assert became(rules, BOB, "team") == {"ann": IN, "ben": IN}
    assert became([rule(JUNK, "*", "team@acme.test")], BOB, "team") == {"ann": OUT, "ben": OUT}


@pytest.mark.parametrize("order", [("ann", "team"), ("team", "ann")])
def test_of_two_ways_to_a_mailbox_the_one_to_the_inbox_counts(order: tuple[str, str]) -> None:
    assert became([rule(JUNK, "*", "team@acme.test")], BOB, *order) == {"ann": IN, "ben": OUT}
    assert became([rule(JUNK, "*", "ann@acme.test")], BOB, *order) == {"ann": IN, "ben": IN}
    assert became([rule(JUNK)], BOB, *order) == {"ann": OUT, "ben": OUT}


def test_one_way_to_a_mailbox_that_is_dropped_leaves_the_other() -> None:
    decided = plan([rule(BOUNCE, "*", "ann@acme.test")], BOB, "ann", "team")
    assert refused(decided) == ["ann@acme.test"]
    assert became([rule(DROP, "*", "team@acme.test")], BOB, "ann", "team") == {"ann": IN, "team": "DROP"}


def test_a_recipients_tag_is_not_seen() -> None:
    assert became([rule(DROP, "*", "ann@acme.test")], BOB, "ann+news@acme.test") == {"ann+news": "DROP"}


def test_a_senders_tag_is_part_of_the_address() -> None:
    assert became([rule(DROP, "bob@example.org")], b"From: bob+x@example.org", "ann") == {"ann": IN}


def test_the_fact_of_a_rule_names_all_recipients_that_it_decided_about() -> None:  # ZH:1569-1577
    rules = [rule(JUNK, "example.org", ["ann@acme.test", "team@acme.test"], id="r1", name="no letters"), rule(BYPASS)]
    found = applied(plan(rules, BOB, "cleo", "ann", "team"))
    assert [(entry.rule_id, entry.name, entry.action, entry.recipients) for entry in found] == [
        (rules[1].id, rules[1].name, "BYPASS_SPAM_CHECK", ("cleo@acme.test",)),
        ("r1", "no letters", "MOVE_TO_JUNK", ("ann@acme.test", "team@acme.test")),
    ]


def test_an_action_that_cannot_be_applied_is_not_ignored() -> None:
    with pytest.raises(UnreadableRulesError, match="RUN_LAMBDA"):
        plan([rule(ActionType.RUN_LAMBDA)], BOB, "ann")


# DMARC, ZH:4528-4566


def test_reject_ends_the_message_for_every_recipient() -> None:  # ZH:4546, 4555
    decided = plan([], BOB, "ann", "nobody", verdicts=dmarc(DmarcPolicy.REJECT))
    wanted = FLOW.policy_applied("bob@example.org", DmarcPolicy.REJECT, ("ann@acme.test", "nobody@acme.test"), "")
    assert decided.entries == (wanted,)


def test_quarantine_marks_as_spam() -> None:  # ZH:4546, 4555
    assert became([], BOB, "ann", verdicts=dmarc(DmarcPolicy.QUARANTINE)) == {"ann": OUT}


def test_none_changes_nothing_and_is_recorded() -> None:  # ZH:1637
    decided = plan([], BOB, "ann", verdicts=dmarc(DmarcPolicy.NONE))
    assert decided.entries[0] == FLOW.policy_applied("bob@example.org", DmarcPolicy.NONE, ("ann@acme.test",), "")
    assert became([], BOB, "ann", verdicts=dmarc(DmarcPolicy.NONE)) == {"ann": IN}


@pytest.mark.parametrize("policy", DmarcPolicy)
def test_without_enforcement_no_policy_is_applied_and_none_recorded(policy: DmarcPolicy) -> None:  # ZH:4532, 4551, 1628
    decided = plan([], BOB, "ann", verdicts=dmarc(policy), enforced=False)
    assert not [fact for fact in decided.facts if fact.name is EventName.DMARC_POLICY_APPLIED]
    assert became([], BOB, "ann", verdicts=dmarc(policy), enforced=False) == {"ann": IN}


@pytest.mark.parametrize("result", [Verdict.PASS, Verdict.GRAY, Verdict.PROCESSING_FAILED])
def test_a_policy_is_applied_only_where_dmarc_failed(result: Verdict) -> None:  # ZH:1552
    verdicts = dmarc(DmarcPolicy.REJECT, result=result)
    assert became([], BOB, "ann", verdicts=verdicts) == {"ann": IN}
    assert len(plan([], BOB, "ann", verdicts=verdicts).entries) == 1


def test_a_failure_without_a_policy_is_delivered() -> None:
    assert became([], BOB, "ann", verdicts=dmarc(None)) == {"ann": IN}


def test_no_rule_applies_to_a_rejected_message_and_none_is_recorded() -> (
    None
):  # verdicts come in one order: architecture
    decided = plan([rule(BYPASS)], BOB, "ann", verdicts=dmarc(DmarcPolicy.REJECT))
    assert [entry.name for entry in decided.facts] == [EventName.DMARC_POLICY_APPLIED]
    assert len(decided.entries) == 1


def test_rules_see_quarantine_as_spam() -> None:  # ours
    quarantine = dmarc(DmarcPolicy.QUARANTINE)
    assert became([rule(BYPASS)], BOB, "ann", verdicts=quarantine) == {"ann": IN}
    assert became([rule(DEFAULT)], BOB, "ann", verdicts=quarantine) == {"ann": OUT}
    assert became([rule(DROP)], BOB, "ann", verdicts=quarantine) == {"ann": "DROP"}


def test_a_verdict_in_the_message_itself_counts_for_nothing() -> None:
    forged = BOB + b"\r\nX-SES-Spam-Verdict: FAIL\r\nX-SES-Virus-Verdict: FAIL\r\nAuthentication-Results: x; dmarc=fail"
    assert became([], forged, "ann") == {"ann": IN}


def test_enforcement_is_on_for_a_new_organization() -> None:  # ZH:4534
    made = Organization(
        id="m-1",
        arn="a",
        alias="acme",
        state=OrganizationState.CREATING,
        directory_id="d",
        kms_key_arn="k",
        default_domain="acme.test",
        fingerprint="f",
        created=0,
    )
    assert made.dmarc_enforced
