"""Buckets whose objects may take the place of messages: their owners say so with a tag, or with WorkMail's own policy.

Rules' functions share one API, and the function that reads their buckets has one role. Without a consent, a function
of one organization could hand in any object of the account (ours, docs/decisions/0044).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.model import consent, resource_policy
from postroom.model.function_policy import principal
from postroom.model.resource_policy import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.audit_targets import Place


def are_meant_for(tags: Mapping[str, str], organization_id: str) -> bool:
    """Say whether a bucket's tags name an organization."""
    return consent.given(tags, consent.PUT_CONTENT, organization_id)


def lets_workmail_read(policy: Mapping[str, Any], place: Place, organization_id: str, bucket: str, key: str) -> bool:
    """Say whether a bucket's policy certainly lets WorkMail read an object for an organization's messages.

    Source of the policy: guide, "Updating message content" (ZH:4303-4335). Its ``aws:SourceArn`` is the ARN of a
    message; that the message is an incoming one is ours, because policies have a wildcard there.
    """
    begin = f"arn:{place.partition}:workmailmessageflow:{place.region}:{place.account}:message"
    request = Request(
        service=principal(place.region),
        action="s3:GetObject",
        resource=f"arn:{place.partition}:s3:::{bucket}/{key}",
        context={
            "aws:sourceaccount": place.account,
            "aws:sourcearn": f"{begin}/{organization_id}/incoming/0",
            "aws:securetransport": "true",
        },
    )
    named = [
        each for each in resource_policy.statements(policy) if resource_policy.names_service(each, request.service)
    ]
    return resource_policy.allowed({"Statement": named}, request) and not resource_policy.denied(policy, request)
