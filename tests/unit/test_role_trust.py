"""Whether a customer's role lets a function of ours assume it for one organization."""

from __future__ import annotations

from typing import Any, Final

import pytest

from postroom.model.role_trust import refuses, statement

OURS: Final = "arn:aws:iam::123456789012:role/pack"
ACME: Final = "arn:aws:workmail:us-east-1:123456789012:organization/m-0123456789abcdef0123456789abcdef"
OTHER: Final = ACME[:-1] + "0"
OPEN: Final[dict[str, Any]] = {"Effect": "Allow", "Principal": {"AWS": OURS}, "Action": "sts:AssumeRole"}

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
        {"Principal": {"AWS": "123456789012"}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}},
        {
            "Principal": {"AWS": "*"},
            "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/pack"}},
        },
        {"Action": ["sts:TagSession", "sts:assumerole"]},
        {"Action": "sts:*"},
        {"Condition": {"StringEquals": {"sts:ExternalId": [OTHER, ACME]}}},
        {"Condition": {"ArnLike": {"sts:ExternalId": "arn:aws:workmail:*:123456789012:organization/*"}}},
        {"Condition": {"ArnLikeIfExists": {"aws:SourceArn": ACME}}},
    ],
)
def test_a_role_that_trusts_the_function_can_be_assumed(changes: dict[str, Any]) -> None:
    assert why(OPEN | changes) is None
    assert why(GUIDE, OPEN | changes) is None


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [GUIDE],
        [OPEN | {"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}],
        [OPEN | {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}],
        [OPEN | {"Principal": {"Service": OURS}}],
        [OPEN | {"Principal": {"Federated": OURS}}],
        [OPEN | {"Principal": {"AWS": [{"odd": 1}, 5, None]}}],
        [OPEN | {"Action": "sts:AssumeRoleWithSAML"}],
        [OPEN | {"Condition": {"StringEquals": {"sts:ExternalId": OTHER}}}],
        [OPEN | {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}],
        [OPEN | {"Condition": {"ArnLike": {"aws:SourceArn": ACME}}}],
        [OPEN | {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}],
    ],
)
def test_a_role_that_may_not_trust_the_function_is_refused(statements: list[dict[str, Any]]) -> None:
    assert why(*statements) == "does not trust Postroom"


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
    assert why(OPEN, OPEN | {"Effect": "Deny"} | changes) == "denies Postroom to assume it, or may deny it"


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}},
        {"Condition": {"StringEquals": {"sts:ExternalId": OTHER}}},
        {"Action": "sts:TagSession"},
    ],
)
def test_a_denial_of_something_else_is_none(changes: dict[str, Any]) -> None:
    assert why(OPEN, OPEN | {"Effect": "Deny"} | changes) is None


def test_the_statement_that_a_refusal_names_is_enough_for_its_organization_only() -> None:
    policy = {"Version": "2012-10-17", "Statement": [GUIDE, statement([OURS], ACME)]}
    assert refuses(policy, OURS, ACME) is None
    assert refuses(policy, OURS, OTHER) == "does not trust Postroom"
