"""GetMailboxDetails, UpdateMailboxQuota. The API speaks of megabytes (2^20 bytes), mailboxes of bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import lookup
from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.model.directory import EntityKind
from postroom.model.limits import DEFAULT_QUOTA_MB, MB
from postroom.model.records import Check, Replace

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests

MAX_QUOTA_MB: Final = 51_200
"""Largest quota, in MB. Source: guide, editing a mailbox quota (ZH:5467)."""


def describe(
    context: Context,
    request: requests.GetMailboxDetailsRequest,
    _now: int,
) -> answers.GetMailboxDetailsResponse:
    """Say how large a user's mailbox is and may become; one that was never made is empty."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    head = context.mailboxes.head(user.id)
    if head is None:
        return {"MailboxQuota": user.quota_mb or DEFAULT_QUOTA_MB, "MailboxSize": 0.0}
    return {"MailboxQuota": max(1, head.quota // MB), "MailboxSize": head.size / MB}


def update_quota(
    context: Context,
    request: requests.UpdateMailboxQuotaRequest,
    _now: int,
) -> answers.UpdateMailboxQuotaResponse:
    """Change the quota of an enabled user: on the user first, then on the mailbox; repeating it mends both."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.enabled(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    quota = request["MailboxQuota"]
    if quota > MAX_QUOTA_MB or not user.keeps_mail:
        raise InvalidParameterException(f"A mailbox has a quota of 1 to {MAX_QUOTA_MB} MB; remote users have none.")
    if user.quota_mb != quota:
        context.directory.commit([Check(organization), Replace(replace(user, quota_mb=quota))])
    context.mailboxes.set_quota(user.id, quota * MB)
    return {}
