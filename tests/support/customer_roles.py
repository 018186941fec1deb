"""Roles of customers that Postroom may assume for one organization."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from postroom.model.role_trust import statement

if TYPE_CHECKING:
    from collections.abc import Sequence


def made(iam: Any, name: str, ours: Sequence[str], organization_arn: str, tag: str, trust: str = "") -> str:
    """Make a role in the emulator, and return its ARN.

    Args:
        iam: a boto3 client.
        ours: the roles that assume it.
        tag: of its use.
        trust: its trust policy; unless given, the one that ``ours`` need.
    """
    document = trust or json.dumps({"Version": "2012-10-17", "Statement": [statement(ours, organization_arn)]})
    tags = [{"Key": tag, "Value": organization_arn.rpartition("/")[2]}]
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tags)["Role"]["Arn"]
    return arn
