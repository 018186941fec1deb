"""The function's events: where the message is, and what becomes of refusals."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.adapters.memory.customer_objects import MemoryBucket, MemoryCustomerObjects
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.contracts.audited_facts import from_fact
from postroom.contracts.submission import STAGED, read_answer, read_event
from postroom.errors import InvalidQuestionError, KeyUnavailableError, StoreUnavailableError, SubmissionRefusedError
from postroom.model.audit_deliveries import LogType
from postroom.model.facts import SUBMITTED, submission_trace
from postroom.submission.station import SubmissionStation
from postroom.submission.submission import Refusal, Submission, Submitted
from tests.support.builders import ORG, arn
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from postroom.contracts.stored import RawLocation

MAIL = b"From: ann@acme.test\r\nTo: carl@example.org\r\nMessage-ID: <1@acme.test>\r\nDate: now\r\n\r\nHello\r\n"
EVENT: dict[str, Any] = {"organization_id": ORG, "user_id": "ann", "token": "API:1", "protocol": "API"}


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


def station_of(system: MemoryMailSystem, **parts: Any) -> SubmissionStation:
    usual: dict[str, Any] = {
        "submits": system.submit,
        "raw": system.raw,
        "objects": MemoryCustomerObjects(),
        "trail": MemoryAuditTrail(),
        "bucket": system.raw.bucket,
        "organization_arns": arn(""),
        "now": system.now,
    }
    return SubmissionStation(**usual | parts)


def answer(system: MemoryMailSystem, objects: MemoryCustomerObjects | None = None, **event: Any) -> dict[str, Any]:
    station = station_of(system, objects=objects or MemoryCustomerObjects())
    reported = station.accept({**EVENT, **event})
    assert "Hello" not in str(reported.log)
    assert "acme.test" not in str(reported.log)
    return reported.document


def encoded(content: bytes = MAIL) -> str:
    return base64.b64encode(content).decode()


def test_a_message_in_the_event_is_submitted(system: MemoryMailSystem) -> None:
    found = answer(system, content=encoded(), recipients=["dora@example.org"], of_a_newer_version=1)
    assert read_answer(json.dumps(found).encode()) == (found["trace"], "<1@acme.test>")
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]


def test_so_is_one_that_is_staged(system: MemoryMailSystem) -> None:
    staged = system.raw.keep(f"{STAGED}1", MAIL)
    assert "trace" in answer(system, staged=staged.model_dump())
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        ("inbound-bucket", "transit/a-trace/submitted"),
        ("inbound-bucket", "inbound/1"),
        ("of-another", f"{STAGED}1"),
    ],
)
def test_nothing_but_staged_messages_is_read_as_one(system: MemoryMailSystem, bucket: str, key: str) -> None:
    """The function may read more than its callers: copies in transit, and buckets that are meant for messages."""
    read: list[RawLocation] = []

    class Recording(MemoryRawMail):
        def read(self, location: RawLocation) -> bytes:
            read.append(location)
            return MAIL

    raw = Recording("inbound-bucket", system.now, system.transit_keys, system.sealed)
    found = station_of(system, raw=raw).accept({**EVENT, "staged": {"bucket": bucket, "key": key}})
    assert found.document["refusal"]["reason"] == Refusal.MALFORMED
    assert not read


def test_and_an_object_of_a_customer_if_its_bucket_is_meant_for_it(system: MemoryMailSystem) -> None:
    objects = MemoryCustomerObjects(buckets={"outbox": MemoryBucket(objects={"1.eml": [b"old", MAIL, b"new"]})})
    place = {"bucket": "outbox", "key": "1.eml", "object_version": "2"}
    assert "trace" in answer(system, objects, s3=place)
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]
    objects.buckets["outbox"].meant_for = ("m-other",)
    refused = answer(system, objects, s3=place, token="API:2")["refusal"]
    assert refused == {
        "reason": "INVALID_LOCATION",
        "text": f"The bucket outbox is not meant for messages of {ORG}.",
    }


def test_an_object_that_is_too_large_is_not_read(system: MemoryMailSystem) -> None:
    large = MemoryBucket(objects={"1": [bytes(41 * 1024 * 1024)]})
    objects = MemoryCustomerObjects(buckets={"outbox": large})
    assert answer(system, objects, s3={"bucket": "outbox", "key": "1"})["refusal"]["reason"] == "TOO_LARGE"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"content": encoded(), "s3": {"bucket": "b", "key": "k"}},
        {"content": "é"},
        {"content": encoded(), "token": ""},
        {"content": encoded(), "recipients": "carl@example.org"},
        {"s3": {"bucket": "b"}},
    ],
)
def test_an_event_of_another_form_is_refused_and_not_quoted(system: MemoryMailSystem, event: dict[str, Any]) -> None:
    refused = answer(system, **event)["refusal"]
    assert refused["reason"] == "MALFORMED"
    assert encoded() not in refused["text"]


def test_a_refusal_is_an_answer_that_raises_again(system: MemoryMailSystem) -> None:
    found = answer(system, content=encoded(MAIL.replace(b"ann@", b"boss@")))
    with pytest.raises(SubmissionRefusedError) as caught:
        read_answer(json.dumps(found).encode())
    assert caught.value.reason == Refusal.NOT_ALLOWED


@pytest.mark.parametrize("error", [StoreUnavailableError("no table"), KeyUnavailableError("the key is disabled")])
def test_what_may_pass_is_no_refusal(system: MemoryMailSystem, error: Exception) -> None:
    class Failing:
        def submit(self, submission: Submission) -> Submitted:
            raise error

    station = station_of(system, submits=Failing())
    found = station.accept({**EVENT, "content": encoded()}).document
    with pytest.raises(StoreUnavailableError, match=r"no table|disabled"):
        read_answer(json.dumps(found).encode())


def test_a_want_of_permission_is_recorded_before_the_answer(system: MemoryMailSystem) -> None:
    trail, event = MemoryAuditTrail(), {**EVENT, "content": encoded(MAIL.replace(b"ann@", b"boss@"))}
    station = station_of(system, trail=trail)
    assert station.accept({**event, "source_ip": "192.0.2.1"}).document["refusal"]["reason"] == "NOT_ALLOWED"
    [record] = trail.records
    assert (record.type, record.organization_id) == (LogType.MAILBOX_ACCESS, ORG)
    assert record.fields == {
        "event_timestamp": system.now(),
        "request_id": submission_trace(ORG, "ann", "API:1"),
        "organization_arn": arn(),
        "user_id": "ann",
        "protocol": "OutgoingEmail",
        "source_ip": "192.0.2.1",
        "action": "submit_email_for_sending",
        "owner_id": "ann",
        "object_type": "Message",
        "action_allowed": False,
    }

    class Silent:
        def record(self, _: Any) -> None:
            raise StoreUnavailableError("no queue")

    assert "no queue" in station_of(system, trail=Silent()).accept(event).document["unavailable"]


def test_a_submission_has_a_record_of_its_fact(system: MemoryMailSystem) -> None:
    trace = answer(system, content=encoded(), source_ip="192.0.2.1")["trace"]
    fact = system.ledger.fact(trace, SUBMITTED)
    assert fact is not None
    [item] = system.mailboxes.items("ann", "SENT_ITEMS")
    assert from_fact(fact, arn()).fields == {
        "event_timestamp": fact.at,
        "request_id": trace,
        "organization_arn": arn(),
        "user_id": "ann",
        "protocol": "OutgoingEmail",
        "source_ip": "192.0.2.1",
        "action": "submit_email_for_sending",
        "owner_id": "ann",
        "object_type": "Message",
        "item_id": item.id,
        "folder_path": "/SENT_ITEMS",
        "folder_id": "SENT_ITEMS",
        "action_allowed": True,
    }


@pytest.mark.parametrize("payload", [b"{}", b"null", b'{"trace": 1}', b"no JSON"])
def test_an_answer_of_another_form_may_pass_with_an_update(payload: bytes) -> None:
    with pytest.raises(StoreUnavailableError, match="another form"):
        read_answer(payload)


def test_an_event_shows_no_message() -> None:
    event = read_event({**EVENT, "content": encoded()})
    assert encoded() not in repr(event)
    with pytest.raises(InvalidQuestionError):
        read_event([])  # type: ignore[arg-type]
