"""PutOutOfOffice, GetOutOfOffice, DeleteOutOfOffice. Ours; users of WorkMail do this in its web application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.admin import lookup
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from postroom.effects import out_of_office
from postroom.model.directory import EntityKind
from postroom.model.out_of_office import MAX_TEXT_BYTES, MAX_TIME_MS, Audience, OutOfOffice, ReplySettings, State

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests


def put(context: Context, request: requests.PutOutOfOfficeRequest, now: int) -> answers.PutOutOfOfficeResponse:
    """Set or replace the reply of an enabled user with a mailbox."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.enabled(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    made = OutOfOffice.of(organization.id, user.id, _settings(request, now), now=now)
    if not out_of_office.keep(made, organization, user, context.directory, context.mailboxes):
        raise EntityStateException(f"User {user.id} has no mailbox.")
    return {}


def get(context: Context, request: requests.GetOutOfOfficeRequest, now: int) -> dict[str, object]:
    """Return the reply of a user."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    found = context.directory.owned(OutOfOffice, organization.id, user.id)
    if found is None:
        raise ResourceNotFoundException(f"User {user.id} has no out-of-office reply.")
    said, away = found.set_as, found.away
    return present(
        UserId=found.user_id,
        State=said.state_at(now).value,
        Text=said.inside or None,
        ExternalText=said.outside or None,
        ExternalAudience=said.audience.value,
        StartTime=seconds(away.from_ms) if away else None,
        EndTime=seconds(away.until_ms) if away else None,
        DateModified=seconds(found.modified),
    )


def delete(
    context: Context, request: requests.DeleteOutOfOfficeRequest, _now: int
) -> answers.DeleteOutOfOfficeResponse:
    """Delete the reply of a user, if there is one."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    out_of_office.take_back(organization, user, context.directory, context.mailboxes)
    return {}


def _settings(request: requests.PutOutOfOfficeRequest, now: int) -> ReplySettings:
    starts = _milliseconds("StartTime", request["StartTime"]) if "StartTime" in request else None
    ends = _milliseconds("EndTime", request["EndTime"]) if "EndTime" in request else None
    if ends is not None and ends <= max(now if starts is None else starts, now):
        raise InvalidParameterException("EndTime has to be after StartTime, and in the future.")
    audience = Audience(request.get("ExternalAudience", Audience.ALL))
    texts = {"Text": request["Text"]}
    if "ExternalText" in request:
        texts["ExternalText"] = request["ExternalText"]
    for member, text in texts.items():
        _check(member, text)
    return ReplySettings(
        state=State.ENABLED if starts is None and ends is None else State.SCHEDULED,
        audience=audience,
        inside=request["Text"],
        outside=texts.get("ExternalText", "" if audience is Audience.NONE else request["Text"]),
        start_ms=starts,
        end_ms=ends,
    )


def _check(member: str, text: str) -> None:
    if not text.strip():
        raise InvalidParameterException(f"{member} has to have more than white space.")
    if len(text.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
        raise InvalidParameterException(f"{member} has more than {MAX_TEXT_BYTES:,} bytes in UTF-8.")


def _milliseconds(member: str, time_s: float) -> int:
    if not 0 <= time_s < MAX_TIME_MS / 1000:
        raise InvalidParameterException(f"{member} is not between the years 1970 and 9999.")
    return round(time_s * 1000)
