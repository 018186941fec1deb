"""Roles that a caller names for Postroom to assume: for event logs, exports and imports.

AWS asks for iam:PassRole there. API Gateway cannot, because all operations are one resource to it; so a role says with
a tag for which organizations it may be named, and a deployment can list the callers that may name roles at all
(ours, docs/decisions/0044).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from postroom.contracts.admin.exceptions import InvalidParameterException, NotAuthorizedError
from postroom.model import consent, role_trust
from postroom.model.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.admin.context import Context
    from postroom.model.records import Organization
    from postroom.ports.log_targets import RoleFacts

ACTION = "iam:PassRole"


def may_pass(context: Context, role_arn: str) -> None:
    """Check that the caller may name a role.

    Raises:
        NotAuthorizedError: it may not, as AWS would say without iam:PassRole.
    """
    caller = Principal(context.call.caller_arn)
    if not context.settings.role_passers.include(caller):
        raise NotAuthorizedError(caller.arn, ACTION, role_arn)


def check_consent(role: RoleFacts, tag: str, organization: Organization) -> None:
    """Check that a role has the tag of a use for an organization.

    Raises:
        InvalidParameterException: it has none; the text has the command that adds it.
    """
    if not consent.given(role.tags, tag, organization.id):
        value = " ".join([*role.tags.get(tag, "").split(), organization.id])
        name = role.arn.rpartition("/")[2]
        raise InvalidParameterException(
            f"RoleArn: role {role.arn} may not be used for organization {organization.id}. Its tag {tag} must name the"
            f" organization: aws iam tag-role --role-name {name} --tags 'Key={tag},Value={value}'"
        )


def check_trust(role: RoleFacts, ours: Sequence[str], organization: Organization) -> None:
    """Check that each of our roles may assume it for an organization, and for no other one.

    Raises:
        InvalidParameterException: one may not, or it may for others as well; the text has the statement that is needed.
    """
    for each in ours:
        if why := role_trust.refuses(role.trust, each, organization.arn):
            needed = json.dumps(role_trust.statement(ours, organization.arn))
            raise InvalidParameterException(
                f"RoleArn: role {role.arn} {why}: {each} must be able to assume it with the organization's ARN as"
                f" sts:ExternalId, and without it must not. Its trust policy needs this statement, none that denies it,"
                f" and none that allows the whole account: {needed}"
            )
