"""Whether a customer's role lets a function of ours assume it for one organization."""

from __future__ import annotations

from typing import Any, Final

import pytest

from postroom.model.role_trust import refuses, statement

OURS: Final = "arn:aws:iam::123456789012:role/pack"
ACME: Final = "arn:aws:workmail:us-east-1:123456789012:organization/m-0123456789abcdef0123456789abcdef"
OTHER: Final = ACME[:-1] + "0"
ONLY: Final[dict[str, Any]] = {"Condition": {"StringEquals": {"sts:ExternalId": ACME}}}
TRUST: Final[dict[str, Any]] = {"Effect": "Allow", "Principal": {"AWS": OURS}, "Action": "sts:AssumeRole", **ONLY}
ROOT: Final = "arn:aws:iam::123456789012:root"
CDK: Final[dict[str, Any]] = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
"""Trust of the roles with which CDK deploys, and of a role that the console makes for its own account."""

GUIDE: Final[dict[str, Any]] = {
    "Sid": "",
    "Effect": "Allow",
    "Principal": {"Service": "export.workmail.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": ACME},
    },
}
"""The guide's trust policy for WorkMail, ZH:7245-7270."""


def why(*statements: Any) -> str | None:
    return refuses({"Version": "2012-10-17", "Statement": list(statements)}, OURS, ACME)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Principal": {"AWS": ["arn:aws:iam::123456789012:role/plan", OURS]}},
        {"Action": ["sts:TagSession", "sts:assumerole"]},
        {"Action": "sts:*"},
        {"Condition": {"StringEquals": {"sts:ExternalId": [OTHER, ACME]}}},
        {"Condition": {"ArnLike": {"sts:ExternalId": ACME}, "ArnLikeIfExists": {"aws:SourceArn": ACME}}},
    ],
)
def test_a_role_that_trusts_the_function_for_the_organization_can_be_assumed(changes: dict[str, Any]) -> None:
    assert why(TRUST | changes) is None
    assert why(GUIDE, TRUST | changes) is None


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [GUIDE],
        [CDK],
        [CDK | ONLY],
        [TRUST | {"Principal": {"AWS": "123456789012"}}],
        [TRUST | {"Principal": "*"}],
        [TRUST | {"Principal": {"AWS": "*"}}],
        [TRUST | {"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}],
        [TRUST | {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}],
        [TRUST | {"Principal": {"Service": OURS}}],
        [TRUST | {"Principal": {"Federated": OURS}}],
        [TRUST | {"Principal": {"AWS": [{"odd": 1}, 5, None]}}],
        [TRUST | {"Action": "sts:AssumeRoleWithSAML"}],
        [TRUST | {"Condition": {"StringEquals": {"sts:ExternalId": OTHER}}}],
        [TRUST | {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}],
        [TRUST | {"Condition": {"ArnLike": {"aws:SourceArn": ACME}}}],
        [TRUST | {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}],
    ],
)
def test_a_role_that_may_not_trust_the_function_is_refused(statements: list[dict[str, Any]]) -> None:
    assert why(*statements) == "does not trust Postroom"


@pytest.mark.parametrize(
    "statement",
    [
        {name: value for name, value in TRUST.items() if name != "Condition"},
        CDK,
        CDK | {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        TRUST | {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}},
        TRUST | {"Principal": {"AWS": "*"}, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/pack"}}},
        TRUST | {"Condition": {"ArnLike": {"sts:ExternalId": "arn:aws:workmail:*:123456789012:organization/*"}}},
        TRUST | {"Condition": {"StringEqualsIfExists": {"sts:ExternalId": ACME}}},
        TRUST | {"Condition": {"StringNotEquals": {"sts:ExternalId": OTHER}}},
    ],
)
def test_a_role_that_other_organizations_could_use_is_refused(statement: dict[str, Any]) -> None:
    assert why(TRUST, statement) == "lets Postroom assume it for other organizations as well, or may do so"


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/operators"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        ONLY["Condition"],
    ],
)
def test_trust_in_the_account_that_cannot_mean_postroom_does_no_harm(condition: dict[str, Any]) -> None:
    assert why(TRUST, CDK | {"Condition": condition}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Principal": "*"},
        {"Principal": {}, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:role/other"}},
        {"Condition": {"StringNotEquals": {"sts:ExternalId": OTHER}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
)
def test_a_role_that_denies_or_may_deny_the_function_is_refused(changes: dict[str, Any]) -> None:
    assert why(TRUST, TRUST | {"Effect": "Deny"} | changes) == "denies Postroom to assume it, or may deny it"


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}},
        {"Condition": {"StringEquals": {"sts:ExternalId": OTHER}}},
        {"Action": "sts:TagSession"},
    ],
)
def test_a_denial_of_something_else_is_none(changes: dict[str, Any]) -> None:
    assert why(TRUST, TRUST | {"Effect": "Deny"} | changes) is None


def test_the_statement_that_a_refusal_names_is_enough_for_its_organization_only() -> None:
    policy = {"Version": "2012-10-17", "Statement": [GUIDE, statement([OURS], ACME)]}
    assert refuses(policy, OURS, ACME) is None
    assert refuses(policy, OURS, OTHER) == "does not trust Postroom"
