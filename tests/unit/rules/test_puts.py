"""What a rule's function puts in a message's place is delivered, or is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.contracts.between_stations import RawLocation
from postroom.model.facts import trace_of
from postroom.model.limits import RETENTION_AFTER_FINAL_DAYS
from tests.support.post import ORG, notification
from tests.support.rule_answers import ALL, LETTER, to

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Office


def test_what_the_function_put_is_what_its_recipients_get(office: Office) -> None:
    tagged = LETTER.replace(b"plums", b"[EXTERNAL] plums")

    def tag(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        before = office.contents.of(trace)
        raw = office.raw.keep(f"transit/{trace}/put-1", tagged)
        office.contents.replace(before.put(raw, len(tagged)))
        return ALL

    office.rules(office.lambda_rule(tag))
    office.arrive("m1", LETTER, *to("ann", "ben"))
    assert office.where(tagged) == {"ann": "INBOX", "ben": "INBOX"}
    assert office.where(LETTER) == {}


def test_a_call_that_outlives_its_slot_opens_it_anew(office: Office) -> None:
    """Parked for longer than the table keeps what is put, say."""

    def put(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        raw = office.raw.keep(f"transit/{trace}/put-1", b"tagged")
        office.contents.replace(office.contents.of(trace).put(raw, 6))
        return ALL

    office.rules(office.lambda_rule(put))
    office.raw.store("inbound/m1", LETTER)
    office.ingest.accept(notification("m1", to("ann")))
    office.later += (RETENTION_AFTER_FINAL_DAYS + 1) * 86_400_000
    office.books.contents.clear()  # as the TTL does
    office.pump()
    assert office.where(b"tagged") == {"ann": "INBOX"}


def test_what_a_failed_attempt_put_is_forgotten(office: Office) -> None:
    def put_and_fail(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        raw = office.raw.keep(f"transit/{trace}/put", b"forged")
        office.contents.replace(office.contents.of(trace).put(raw, 6))
        raise ValueError

    office.rules(office.lambda_rule(put_and_fail, timeout=1))
    office.arrive("m1", LETTER, *to("ann"))
    while office.calls.sent:
        office.call_again()
    assert office.where(LETTER) == {"ann": "JUNK_EMAIL"}


def test_a_put_after_the_verdict_changes_nothing_that_is_delivered(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: ALL))
    office.arrive("m1", LETTER, *to("ann"))
    trace = trace_of("m1", ORG)
    office.contents.replace(office.contents.of(trace).put(RawLocation(bucket="inbound-bucket", key="transit/x"), 1))
    assert office.where(LETTER) == {"ann": "INBOX"}
