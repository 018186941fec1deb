"""SES's notification: every shape is read, and anything else is refused by name, never quoted."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.ses import message_id_of, read_notification
from postroom.errors import InvalidNotificationError
from postroom.model.verdicts import DmarcPolicy, Verdict
from tests.support.builders import notification

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_raw_and_in_snss_envelope_it_is_the_same() -> None:
    body = notification("m1", ["a@b"])
    assert read_notification(json.dumps({"Type": "Notification", "Message": body})) == read_notification(body)


def test_a_policy_counts_only_where_dmarc_failed_and_unknown_verdicts_are_no_verdict() -> None:
    failed = read_notification(notification("m1", ["a@b"], verdicts={"dmarc": "FAIL"}, dmarcPolicy="reject"))
    assert failed.verdicts.dmarc_policy is DmarcPolicy.REJECT
    passed = read_notification(notification("m1", ["a@b"], verdicts={"spam": "NEW"}, dmarcPolicy="reject"))
    assert (passed.verdicts.dmarc_policy, passed.verdicts.spam) == (None, Verdict.PROCESSING_FAILED)


@given(st.sampled_from(["mail", "receipt"]), st.data(), JSON)
def test_any_value_in_any_place_is_read_or_refused(part: str, data: st.DataObject, value: Any) -> None:
    document = json.loads(notification("m1", ["a@b"]))
    document[part][data.draw(st.sampled_from(sorted(document[part])))] = value
    with contextlib.suppress(InvalidNotificationError):
        read_notification(json.dumps(document))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidNotificationError):
        read_notification(text)


@pytest.mark.parametrize("timestamp", ["2026-11-24T12:00:00", "0001-01-01T00:00:00+14:00", "yesterday"])
def test_a_time_that_is_no_moment_of_ours_is_refused(timestamp: str) -> None:
    document = json.loads(notification("m1", ["a@b"]))
    document["mail"]["timestamp"] = timestamp
    with pytest.raises(InvalidNotificationError, match=r"mail\.timestamp"):
        read_notification(json.dumps(document))
    assert message_id_of(json.dumps(document)) == "m1"
