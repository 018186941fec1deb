"""Submissions through the function submit, by Lambda's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws import clients
from postroom.adapters.aws.submissions import LambdaSubmits, Staging
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.contracts.message_flow import S3Reference
from postroom.contracts.stored import RawLocation
from postroom.contracts.submission import MAX_INLINE_BYTES
from postroom.errors import StoreUnavailableError, SubmissionRefusedError
from postroom.submission.submission import Protocols, Submission
from tests.support.local_lambda import local_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = """
import base64
def handler(event, context):
    if event["user_id"] == "raise": raise ValueError(event)
    if event["user_id"] == "refused": return {"refusal": {"reason": "LOOP", "text": "too often"}}
    if event["user_id"] == "later": return {"unavailable": "no table"}
    said = [event["organization_id"], event["token"], event["protocol"], *event.get("recipients", [])]
    if "s3" in event: said.append(event["s3"]["key"])
    if "staged" in event: said.append(event["staged"]["key"])
    if "content" in event: said.append(base64.b64decode(event["content"]).decode("latin-1")[:20])
    return {"trace": "t", "message_id": "|".join(said)}
"""


@pytest.fixture
def raw() -> MemoryRawMail:
    return MemoryRawMail("inbound", lambda: 0)


@pytest.fixture
def submits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: MemoryRawMail) -> Iterator[LambdaSubmits]:
    with local_function("submit", CODE, tmp_path, monkeypatch):
        yield LambdaSubmits(clients.submissions(), "submit", Staging(raw, lambda: "1"))


def submission(content: bytes = b"From: ann\xff", user: str = "ann") -> Submission:
    return Submission("m-1", user, content, "token", Protocols.SMTP, recipients=("a@x.test",))


def test_a_message_goes_with_the_event(submits: LambdaSubmits) -> None:
    assert submits.submit(submission()).message_id == "m-1|token|SMTP|a@x.test|From: ann\xff"


def test_a_large_one_is_staged(submits: LambdaSubmits, raw: MemoryRawMail) -> None:
    content = b"x" * (MAX_INLINE_BYTES + 1)
    assert submits.submit(submission(content)).message_id == "m-1|token|SMTP|a@x.test|transit/staged/1"
    assert raw.read(RawLocation(bucket="inbound", key="transit/staged/1")) == content


def test_the_largest_that_goes_with_an_event_fits_into_a_call(submits: LambdaSubmits) -> None:
    assert submits.submit(submission(b"x" * MAX_INLINE_BYTES)).trace == "t"


def test_without_staging_a_large_one_is_refused(submits: LambdaSubmits) -> None:
    alone = LambdaSubmits(submits.client, "submit")
    with pytest.raises(SubmissionRefusedError, match="4 MB"):
        alone.submit(submission(b"x" * (MAX_INLINE_BYTES + 1)))


def test_an_object_is_named(submits: LambdaSubmits) -> None:
    done = submits.submit_object(submission(b""), S3Reference("outbox", "1.eml"))
    assert done.message_id == "m-1|token|SMTP|a@x.test|1.eml"


def test_refusals_and_troubles_are_told_apart(submits: LambdaSubmits) -> None:
    with pytest.raises(SubmissionRefusedError) as refused:
        submits.submit(submission(user="refused"))
    assert (refused.value.reason, str(refused.value)) == ("LOOP", "too often")
    for user in ("raise", "later"):
        with pytest.raises(StoreUnavailableError) as caught:
            submits.submit(submission(user=user))
        assert "From" not in str(caught.value)
