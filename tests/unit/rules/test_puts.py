"""Content that a rule's function puts in place of a message: when it is delivered, and when not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.contracts.orders import RawLocation
from postroom.model.facts import trace_of
from postroom.model.limits import RETENTION_AFTER_FINAL_DAYS
from postroom.ports.transit import Commit
from tests.support.builders import ORG, notification
from tests.support.rule_answers import ALL, MESSAGE, to

if TYPE_CHECKING:
    from tests.unit.rules.conftest import MailSystem


def test_content_that_the_function_put_is_delivered_to_its_recipients(mail_system: MailSystem) -> None:
    tagged = MESSAGE.replace(b"plums", b"[EXTERNAL] plums")

    def tag(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        before = mail_system.transit.contents(trace)
        raw = mail_system.raw.keep(f"transit/{trace}/put-1", tagged)
        mail_system.transit.commit(Commit(contents=before.put(raw, len(tagged))))
        return ALL

    mail_system.rules(mail_system.lambda_rule(tag))
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert mail_system.where(tagged) == {"ann": "INBOX", "ben": "INBOX"}
    assert mail_system.where(MESSAGE) == {}


def test_a_call_that_outlives_its_slot_opens_it_again(mail_system: MailSystem) -> None:
    """For example because it was parked for longer than the table keeps contents."""

    def put(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        raw = mail_system.raw.keep(f"transit/{trace}/put-1", b"tagged")
        mail_system.transit.commit(Commit(contents=mail_system.transit.contents(trace).put(raw, 6)))
        return ALL

    mail_system.rules(mail_system.lambda_rule(put))
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", to("ann")))
    mail_system.later += (RETENTION_AFTER_FINAL_DAYS + 1) * 86_400_000
    mail_system.tables.contents.clear()  # as the TTL does
    mail_system.pump()
    assert mail_system.where(b"tagged") == {"ann": "INBOX"}


def test_content_that_a_failed_attempt_put_is_dropped(mail_system: MailSystem) -> None:
    def put_and_fail(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        raw = mail_system.raw.keep(f"transit/{trace}/put", b"forged")
        mail_system.transit.commit(Commit(contents=mail_system.transit.contents(trace).put(raw, 6)))
        raise ValueError

    mail_system.rules(mail_system.lambda_rule(put_and_fail, timeout=1))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    while mail_system.queues.later["run_sync_rule"]:
        mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL"}


def test_a_put_after_the_verdict_changes_nothing_that_is_delivered(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: ALL))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    trace = trace_of("m1", ORG)
    mail_system.transit.commit(
        Commit(
            contents=mail_system.transit.contents(trace).put(RawLocation(bucket="inbound-bucket", key="transit/x"), 1)
        )
    )
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
