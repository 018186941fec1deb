"""The recipients of a message if a rule's function adds some, or if several names lead to one mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.directory import EntityState, Role
from postroom.model.facts import EventName, OwnFact, trace_of
from postroom.model.rules import ActionType
from tests.support.builders import ORG
from tests.support.rule_answers import ALL, MESSAGE, act, to
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.facts import Fact
    from tests.unit.rules.conftest import MailSystem


def named(mail_system: MailSystem, name: EventName | OwnFact) -> Sequence[Fact]:
    return [fact for fact in mail_system.ledger.facts(trace_of("m1", ORG)) if fact.name is name]


def test_a_group_that_is_added_means_its_members_that_are_not_recipients_already(mail_system: MailSystem) -> None:
    mail_system.group("team", "ann", "ben", "cleo")
    mail_system.entity("cleo", state=EntityState.DISABLED)
    mail_system.rules(
        mail_system.lambda_rule(lambda _: {"actions": [act("DEFAULT", "team"), act("MOVE_TO_JUNK", "ann")]})
    )
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX", "ben": "INBOX"}  # of two ways the one to the inbox
    (skipped,) = named(mail_system, OwnFact.RECIPIENT_SKIPPED)
    assert (skipped.data["memberId"], skipped.data["group"]) == ("cleo", "team@acme.test")


def test_names_without_a_mailbox_are_not_added_and_do_not_bounce(mail_system: MailSystem) -> None:
    mail_system.group("nobody", "cleo")
    mail_system.entity("cleo", state=EntityState.DISABLED)
    mail_system.entity("dan", role=Role.REMOTE_USER)
    mail_system.rules(
        mail_system.lambda_rule(
            lambda _: {"actions": [act("DEFAULT", "cleo", "dan", "nobody", "zoe"), *ALL["actions"]]}
        )
    )
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert named(mail_system, EventName.INCOMING_EMAIL_BOUNCED) == []
    (applied,) = named(mail_system, EventName.RULE_APPLIED)
    assert applied.data["ignored"] == dict.fromkeys(to("cleo", "dan", "nobody", "zoe"), "NO_MAILBOX")


def test_a_recipient_that_is_added_under_another_name_gets_one_copy(mail_system: MailSystem) -> None:
    mail_system.alias("a.nother", "ann")
    mail_system.rules(
        mail_system.lambda_rule(
            lambda _: {"actions": [act("DEFAULT", "a.nother", "ann+new"), act("MOVE_TO_JUNK", "ann", "ben")]}
        )
    )
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX", "ben": "JUNK_EMAIL"}


def test_a_tagged_recipient_is_dropped_and_its_mailbox_added(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: {"actions": [act("DROP", "ann+shop"), act("DEFAULT", "ann")]}))
    mail_system.arrive("m1", MESSAGE, *to("ann+shop"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}


def test_spam_that_bypasses_the_check_for_one_of_two_names_is_in_the_inbox(mail_system: MailSystem) -> None:
    mail_system.alias("a.nother", "ann")
    mail_system.rules(
        mail_system.lambda_rule(lambda _: {"actions": [act("DEFAULT", "ann"), act("BYPASS_SPAM_CHECK", "a.nother")]})
    )
    mail_system.arrive("m1", MESSAGE, *to("ann", "a.nother"), verdicts={"spam": "FAIL"})
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}


def test_recipients_of_several_rules_get_the_action_of_their_rule(mail_system: MailSystem) -> None:
    """One function names a recipient that another rule has won, and the mailbox that it leads to."""
    mail_system.alias("b.enjamin", "ben")
    mail_system.rules(
        mail_system.lambda_rule(lambda _: {"actions": [act("BYPASS_SPAM_CHECK", "ben", "b.enjamin"), *ALL["actions"]]}),
        rule(ActionType.MOVE_TO_JUNK, "*", "ben@acme.test", id="r-ben"),
    )
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert mail_system.where(MESSAGE) == {
        "ann": "INBOX",
        "ben": "JUNK_EMAIL",
    }  # on its way there when the function answered
