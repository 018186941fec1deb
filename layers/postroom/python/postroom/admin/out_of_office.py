"""PutOutOfOffice, GetOutOfOffice, DeleteOutOfOffice. Ours; users of WorkMail do this in its web application.

The record is the truth; the mailbox's head has its time, so that deliveries know (``model.out_of_office``). A request
that stopped between the two is repeated, and sets both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.admin import lookup
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from postroom.model.directory import EntityKind
from postroom.model.out_of_office import OutOfOffice
from postroom.model.records import Check, Put, Remove

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests

MAX_TIME_S: Final = 253_402_300_800
"""The year 10000, in seconds since the epoch: times are before it. Ours; dates are written with four digits."""


def put(context: Context, request: requests.PutOutOfOfficeRequest, now: int) -> answers.PutOutOfOfficeResponse:
    """Set or replace the reply of an enabled user with a mailbox; of two concurrent requests the later holds."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.enabled(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    starts = _milliseconds("StartTime", request["StartTime"]) if "StartTime" in request else now
    ends = _milliseconds("EndTime", request["EndTime"]) if "EndTime" in request else None
    if ends is not None and ends <= max(starts, now):
        raise InvalidParameterException("EndTime has to be after StartTime, and in the future.")
    if not request["Text"].strip():
        raise InvalidParameterException("Text has to have more than white space.")
    made = OutOfOffice(
        organization_id=organization.id,
        user_id=user.id,
        text=request["Text"],
        from_ms=starts,
        until_ms=ends,
        modified=now,
    )
    if context.mailboxes.head(user.id) is None:
        raise EntityStateException(f"User {user.id} has no mailbox.")
    context.directory.commit([Check(organization), Check(user), Put(made)])
    context.mailboxes.set_away(user.id, made.away)
    return {}


def get(context: Context, request: requests.GetOutOfOfficeRequest, _now: int) -> dict[str, object]:
    """Return the reply of a user."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    found = context.directory.owned(OutOfOffice, organization.id, user.id)
    if found is None:
        raise ResourceNotFoundException(f"User {user.id} has no out-of-office reply.")
    return present(
        UserId=found.user_id,
        Text=found.text,
        StartTime=seconds(found.from_ms),
        EndTime=seconds(found.until_ms),
        DateModified=seconds(found.modified),
    )


def delete(
    context: Context, request: requests.DeleteOutOfOfficeRequest, _now: int
) -> answers.DeleteOutOfOfficeResponse:
    """Delete the reply of a user, if there is one."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    found = context.directory.owned(OutOfOffice, organization.id, user.id)
    if found is not None:
        context.directory.commit([Check(organization), Remove(found)])
    context.mailboxes.set_away(user.id, None)
    return {}


def _milliseconds(member: str, time_s: float) -> int:
    if not 0 <= time_s < MAX_TIME_S:
        raise InvalidParameterException(f"{member} is not between the years 1970 and 9999.")
    return round(time_s * 1000)
