"""Out-of-office replies of users: the record, and the time in the mailbox's head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.out_of_office import MAX_TEXT_BYTES, Audience, Away, OutOfOffice, ReplySettings, State
from postroom.model.records import Put
from tests.admin.conftest import START

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_S = START // 1000
DAY_S = 86_400
TEXT = "I am away.\nBack on Monday: ünd grüße"


@pytest.fixture
def ann(enable: Callable[..., str]) -> str:
    return enable("ann")


def put(caller: Any, acme: str, **members: Any) -> Any:
    return caller("PutOutOfOffice", OrganizationId=acme, UserId="ann@example.com", **{"Text": TEXT, **members})


def test_a_reply_is_set_read_replaced_and_deleted(caller: Any, context: Any, acme: str, ann: str) -> None:
    set_at = caller.now + 1000
    assert put(caller, acme, StartTime=NOW_S + DAY_S, EndTime=NOW_S + 2 * DAY_S) == {}
    assert caller("GetOutOfOffice", OrganizationId=acme, UserId=ann) == {
        "UserId": ann,
        "State": "SCHEDULED",
        "Text": TEXT,
        "ExternalText": TEXT,
        "ExternalAudience": "ALL",
        "StartTime": NOW_S + DAY_S,
        "EndTime": NOW_S + 2 * DAY_S,
        "DateModified": set_at / 1000,
    }
    assert context.mailboxes.head(ann).away == Away(START + DAY_S * 1000, START + 2 * DAY_S * 1000)
    replaced = caller.now + 1000
    put(caller, acme, Text="Gone")
    said = caller("GetOutOfOffice", OrganizationId=acme, UserId=ann)
    assert (said["Text"], said["StartTime"], "EndTime" in said) == ("Gone", replaced / 1000, False)
    assert context.mailboxes.head(ann).away == Away(replaced)
    for _ in range(2):
        assert caller("DeleteOutOfOffice", OrganizationId=acme, UserId=ann) == {}
    caller.refused("ResourceNotFoundException", "GetOutOfOffice", OrganizationId=acme, UserId=ann)
    assert context.mailboxes.head(ann).away is None


@pytest.mark.parametrize(
    "times",
    [
        {"StartTime": NOW_S + 9, "EndTime": NOW_S + 9},
        {"StartTime": NOW_S - 9, "EndTime": NOW_S},
        {"EndTime": NOW_S},
        {"StartTime": -1},
        {"EndTime": 253_402_300_800},
    ],
)
def test_a_time_has_to_be_one(caller: Any, acme: str, ann: str, times: dict[str, int]) -> None:
    named = {"OrganizationId": acme, "UserId": ann, "Text": TEXT}
    caller.refused("InvalidParameterException", "PutOutOfOffice", **named, **times)
    caller.refused("ResourceNotFoundException", "GetOutOfOffice", OrganizationId=acme, UserId=ann)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (member, text)
        for member in ("Text", "ExternalText")
        for text in ("", " \r\n", "a\x00", "x" * (MAX_TEXT_BYTES + 1), "ü" * (MAX_TEXT_BYTES // 2 + 1))
    ],
)
def test_a_text_has_to_be_one(caller: Any, acme: str, ann: str, member: str, text: str) -> None:
    named = {"OrganizationId": acme, "UserId": ann, "Text": TEXT, member: text}
    caller.refused("InvalidParameterException", "PutOutOfOffice", **named)
    caller.refused("ResourceNotFoundException", "GetOutOfOffice", OrganizationId=acme, UserId=ann)


def test_texts_of_the_greatest_length_are_kept(caller: Any, acme: str, ann: str) -> None:
    texts = {"Text": "ü" * (MAX_TEXT_BYTES // 2), "ExternalText": "<p>" + "x" * (MAX_TEXT_BYTES - 3)}
    put(caller, acme, **texts)
    said = caller("GetOutOfOffice", OrganizationId=acme, UserId=ann)
    assert {name: said[name] for name in texts} == texts


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({}, {"ExternalText": TEXT, "ExternalAudience": "ALL"}),
        ({"ExternalText": "Away."}, {"ExternalText": "Away.", "ExternalAudience": "ALL"}),
        ({"ExternalAudience": "KNOWN"}, {"ExternalText": TEXT, "ExternalAudience": "KNOWN"}),
        ({"ExternalAudience": "NONE"}, {"ExternalAudience": "NONE"}),
        ({"ExternalAudience": "NONE", "ExternalText": "x"}, {"ExternalText": "x", "ExternalAudience": "NONE"}),
    ],
)
def test_senders_outside_get_a_text_of_their_own_or_none(
    caller: Any, acme: str, ann: str, members: dict[str, str], kept: dict[str, str]
) -> None:
    put(caller, acme, **members)
    said = caller("GetOutOfOffice", OrganizationId=acme, UserId=ann)
    assert {name: value for name, value in said.items() if name.startswith("External")} == kept
    assert (said["Text"], said["State"]) == (TEXT, "ENABLED")


def test_an_audience_has_to_be_one(caller: Any, acme: str, ann: str) -> None:
    named = {"OrganizationId": acme, "UserId": ann, "Text": TEXT}
    caller.refused("InvalidParameterException", "PutOutOfOffice", **named, ExternalAudience="Known")


def test_a_reply_that_a_client_disabled_is_shown_and_a_new_mailbox_does_not_know_it(
    caller: Any, context: Any, acme: str, ann: str
) -> None:
    settings = ReplySettings(state=State.DISABLED, audience=Audience.ALL, inside="<p>In</p>", outside="")
    context.directory.commit([Put(OutOfOffice.of(acme, ann, settings, now=START))])
    assert caller("GetOutOfOffice", OrganizationId=acme, UserId=ann) == {
        "UserId": ann,
        "State": "DISABLED",
        "Text": "<p>In</p>",
        "ExternalAudience": "ALL",
        "DateModified": START / 1000,
    }
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    del context.mailboxes.heads[ann]
    caller("RegisterToWorkMail", OrganizationId=acme, EntityId=ann, Email="ann@example.com")
    assert context.mailboxes.head(ann).away is None


def test_a_row_of_the_former_version_is_shown(caller: Any, context: Any, acme: str, ann: str) -> None:
    row = OutOfOffice(organization_id=acme, user_id=ann, text=TEXT, from_ms=START, until_ms=None, modified=START)
    context.directory.commit([Put(row)])
    said = caller("GetOutOfOffice", OrganizationId=acme, UserId=ann)
    assert (said["State"], said["Text"], said["ExternalText"]) == ("ENABLED", TEXT, TEXT)
    assert (said["StartTime"], "EndTime" in said) == (NOW_S, False)


def test_users_without_a_mailbox_have_none(caller: Any, acme: str, ann: str) -> None:
    ben = caller("CreateUser", OrganizationId=acme, Name="ben", DisplayName="Ben")["UserId"]
    caller.refused("EntityStateException", "PutOutOfOffice", OrganizationId=acme, UserId=ben, Text=TEXT)
    caller.refused("EntityNotFoundException", "PutOutOfOffice", OrganizationId=acme, UserId="nobody", Text=TEXT)
    for operation in ("GetOutOfOffice", "DeleteOutOfOffice"):
        caller.refused("EntityNotFoundException", operation, OrganizationId=acme, UserId="nobody")


def test_a_new_mailbox_of_a_user_has_the_time_again(caller: Any, context: Any, acme: str, ann: str) -> None:
    put(caller, acme, StartTime=NOW_S)
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    del context.mailboxes.heads[ann]
    caller("RegisterToWorkMail", OrganizationId=acme, EntityId=ann, Email="ann@example.com")
    assert context.mailboxes.head(ann).away == Away(START)


def test_a_deleted_user_leaves_none(caller: Any, context: Any, acme: str, ann: str) -> None:
    put(caller, acme)
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    caller("DeleteUser", OrganizationId=acme, UserId=ann)
    assert context.directory.owned(OutOfOffice, acme, ann) is None
