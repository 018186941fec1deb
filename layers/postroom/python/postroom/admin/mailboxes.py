"""GetMailboxDetails, UpdateMailboxQuota. The API counts in megabytes (2^20 bytes), mailboxes count in bytes."""

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
    """Return a mailbox's quota and size; a mailbox that does not exist has size 0."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    head = context.mailboxes.head(user.id)
    if head is None:
        return {"MailboxQuota": user.quota_mb or DEFAULT_QUOTA_MB, "MailboxSize": 0.0}
    return {"MailboxQuota": max(1, head.quota_bytes // MB), "MailboxSize": head.size / MB}


def update_quota(
    context: Context,
    request: requests.UpdateMailboxQuotaRequest,
    _now: int,
) -> answers.UpdateMailboxQuotaResponse:
    """Change the quota of an enabled user: first in the user's row, then in the mailbox. Repeating it corrects both."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.enabled(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    quota_mb = request["MailboxQuota"]
    if quota_mb > MAX_QUOTA_MB or not user.keeps_mail:
        raise InvalidParameterException(f"A mailbox has a quota of 1 to {MAX_QUOTA_MB} MB; remote users have none.")
    if user.quota_mb != quota_mb:
        context.directory.commit([Check(organization), Replace(replace(user, quota_mb=quota_mb))])
    context.mailboxes.set_quota(user.id, quota_mb * MB)
    return {}
