"""Tags with which the owner of a role or bucket says that Postroom may use it for an organization.

A caller of the API names roles and buckets that are not its own. In WorkMail, iam:PassRole and the bucket's policy
decide whether it may. Behind API Gateway neither is asked, so the resource says it: only a principal with iam:TagRole
or s3:PutBucketTagging can (ours, docs/decisions/0044).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENT_LOG: Final = "postroom:event-log"
"""Tag of a role that writes an organization's event log."""

MAILBOX_EXPORT: Final = "postroom:mailbox-export"
MAILBOX_IMPORT: Final = "postroom:mailbox-import"
"""Tags of roles that write or read archives of mailboxes."""

PUT_CONTENT: Final = "postroom:put-content"
"""Tag of a bucket that PutRawMessageContent reads."""

ALL: Final = "all"
"""Value of a tag that names every organization."""


def given(tags: Mapping[str, str], tag: str, organization_id: str) -> bool:
    """Say whether tags have a consent for an organization: its id among ids separated by spaces, or ``ALL``."""
    return bool({organization_id, ALL} & set(tags.get(tag, "").split()))
