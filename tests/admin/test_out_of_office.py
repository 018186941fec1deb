"""Out-of-office replies of users: the record, and the time in the mailbox's head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.out_of_office import Away, OutOfOffice
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
        "Text": TEXT,
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


@pytest.mark.parametrize("text", ["", " \r\n", "a\x00", "x" * 8193])
def test_a_text_has_to_be_one(caller: Any, acme: str, ann: str, text: str) -> None:
    named = {"OrganizationId": acme, "UserId": ann, "Text": text}
    caller.refused("InvalidParameterException", "PutOutOfOffice", **named)


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
