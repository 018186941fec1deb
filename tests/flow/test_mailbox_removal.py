"""A mailbox whose 30 days are over, through the function's own handler."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postroom.model.directory import EntityState
from postroom.model.records import Replace
from tests.support.builders import NOON, ORG
from tests.support.pipeline import CONTEXT, Pipeline, load

if TYPE_CHECKING:
    import pytest

    from tests.support.stack import Stack

MESSAGE = b"From: Bob <bob@example.org>\r\nSubject: plum pudding\r\n\r\nsecret recipe\r\n"


def test_rows_and_objects_of_a_removed_mailbox_go_and_those_of_another_stay(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline(stack)
    monkeypatch.setattr(CONTEXT, "get_remaining_time_in_millis", lambda: 300_000, raising=False)
    pipeline.organization()
    for name in ("ann", "anna"):
        pipeline.entity(name, mailbox_provisioned=NOON)
    for number in range(30):
        pipeline.arrive(f"m{number}", MESSAGE, "ann@acme.test", "anna@acme.test")
    pipeline.pump()
    ann = pipeline.directory.entity(ORG, "ann")
    assert ann is not None
    left = replace(ann, state=EntityState.DISABLED, email=None, disabled=NOON, mailbox_kept_until=NOON)
    pipeline.directory.commit([Replace(left)])
    handler = load("remove_mailboxes").handler
    assert handler({}, CONTEXT) == {"removed": 1, "unfinished": 0}
    assert {row["pk"]["S"] for row in stack.rows("MAILBOX_TABLE")} == {"anna"}
    assert {key.split("/")[2] for key in stack.objects("MAIL_BUCKET")} == {"anna"}
    assert pipeline.contents("anna") == [MESSAGE] * 30
    gone = pipeline.directory.entity(ORG, "ann")
    assert gone is not None
    assert (gone.mailbox_kept_until, gone.mailbox_removing, gone.mailbox_provisioned) == (None, None, None)
    assert handler({}, CONTEXT) == {"removed": 0, "unfinished": 0}
