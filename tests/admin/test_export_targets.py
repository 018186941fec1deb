"""What a mailbox export names of its account: each refusal says what is wrong with which."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model import consent
from postroom.model.role_trust import statement
from postroom.ports.export_checks import BucketFacts
from postroom.ports.organization_keys import KeyFacts
from tests.admin.conftest import EXPORT_ROLES
from tests.admin.test_exports import KEY, ROLE, TO, List, Start

if TYPE_CHECKING:
    from collections.abc import Callable

ABROAD = "arn:aws:kms:eu-west-1:123456789012:key/exports"
FOREIGN = "arn:aws:kms:us-east-1:111122223333:key/exports"


@pytest.fixture(autouse=True)
def account(context: Any, acme: str, enable: Callable[..., str]) -> None:
    """An account with keys and buckets of every sort, and a mailbox."""
    enable("ann")
    arn = context.directory.organization(acme).arn
    context.log_targets.roles[ROLE] = {"Statement": [statement(EXPORT_ROLES, arn)]}
    context.log_targets.tags[ROLE] = {consent.MAILBOX_EXPORT: acme}
    for name, spec, usage, at in (
        (KEY, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled"),
        (ABROAD, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled"),
        (FOREIGN, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled"),
        (f"{KEY}-off", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Disabled"),
        (f"{KEY}-gone", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "PendingDeletion"),
        (f"{KEY}-rsa", "RSA_2048", "ENCRYPT_DECRYPT", "Enabled"),
        (f"{KEY}-mac", "HMAC_256", "GENERATE_VERIFY_MAC", "Enabled"),
    ):
        context.organization_keys.keys[name] = KeyFacts(name, spec, usage, at)
    context.export_buckets.buckets |= {
        "take-out": BucketFacts("us-east-1"),
        "abroad": BucketFacts("eu-west-1"),
        "foreign": BucketFacts("us-east-1", readable=False),
        "open": BucketFacts("us-east-1", public="its policy is public"),
    }


@pytest.fixture
def refusal(caller: Any, acme: str) -> Callable[..., str]:
    """Say why a job is refused. Nothing is left of it."""

    def ask(**changes: Any) -> str:
        request = {"OrganizationId": acme, "EntityId": "ann", "ClientToken": "t", **TO, **changes}
        text: str = caller.refused("InvalidParameterException", Start, **request)
        assert caller(List, OrganizationId=acme) == {"Jobs": []}
        assert not caller.context.transit.tables.transit
        assert not caller.context.queues.queues
        return text

    return ask


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"RoleArn": f"{ROLE}2"}, f"RoleArn: there is no role {ROLE}2 in account 123456789012"),
        ({"KmsKeyArn": f"{KEY}2"}, f"KmsKeyArn: there is no key {KEY}2 in account 123456789012"),
        ({"KmsKeyArn": FOREIGN}, f"KmsKeyArn: there is no key {FOREIGN} in account 123456789012"),
        ({"KmsKeyArn": ABROAD}, f"KmsKeyArn: key {ABROAD} is in Region eu-west-1; it must be in us-east-1"),
        ({"KmsKeyArn": f"{KEY}-off"}, "in state Disabled; it must be enabled"),
        ({"KmsKeyArn": f"{KEY}-gone"}, "in state PendingDeletion; it must be enabled"),
        ({"KmsKeyArn": f"{KEY}-rsa"}, "is RSA_2048 for ENCRYPT_DECRYPT; a symmetric key for encryption is needed"),
        ({"KmsKeyArn": f"{KEY}-mac"}, "is HMAC_256 for GENERATE_VERIFY_MAC"),
        ({"S3BucketName": "nowhere"}, "S3BucketName: there is no bucket nowhere"),
        ({"S3BucketName": "abroad"}, "S3BucketName: bucket abroad is in Region eu-west-1; it must be in us-east-1"),
        ({"S3BucketName": "foreign"}, "S3BucketName: bucket foreign does not belong to account 123456789012"),
        ({"S3BucketName": "open"}, "S3BucketName: bucket open is public: its policy is public"),
        ({"S3Prefix": "x" * 1000}, "S3Prefix: the archive's key would have more than 1023 characters"),
        ({"S3Prefix": "x" * 1024}, "'s3Prefix'"),
        ({"S3Prefix": "a b"}, "'s3Prefix'"),
        ({"S3BucketName": "a_b"}, "'s3BucketName'"),
        ({"RoleArn": "arn:aws:iam:::role/none"}, "'roleArn'"),
        ({"KmsKeyArn": "alias/exports"}, "'kmsKeyArn'"),
        ({"ClientToken": ""}, "'clientToken'"),
        ({"Description": "x" * 1024}, "'description'"),
    ],
)
def test_what_is_wrong_is_named(refusal: Callable[..., str], changes: dict[str, Any], said: str) -> None:
    assert said in refusal(**changes)


def test_the_longest_prefix_makes_the_longest_key(caller: Any, acme: str) -> None:
    prefix = "x" * (1023 - len("/00000000-0000-0000-0000-000000000000.zip"))
    request = {"OrganizationId": acme, "EntityId": "ann", "ClientToken": "t", **TO, "S3Prefix": prefix}
    job = caller(Start, **request)["JobId"]
    assert len(caller("DescribeMailboxExportJob", OrganizationId=acme, JobId=job)["S3Path"]) == 1023


OTHER = "arn:aws:workmail:us-east-1:123456789012:organization/other"
DENIED = {"Effect": "Deny", "Principal": {"AWS": EXPORT_ROLES[1]}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("principals", "external_id", "more", "said"),
    [
        (EXPORT_ROLES[:1], None, [], f"does not trust Postroom: {EXPORT_ROLES[1]} must"),
        (EXPORT_ROLES, OTHER, [], f"does not trust Postroom: {EXPORT_ROLES[0]} must"),
        (EXPORT_ROLES, None, [DENIED], f"denies Postroom to assume it, or may deny it: {EXPORT_ROLES[1]} must"),
    ],
)
def test_a_role_that_does_not_trust_each_function_for_the_organization_is_told_what_it_needs(
    context: Any,
    acme: str,
    refusal: Callable[..., str],
    principals: tuple[str, ...],
    external_id: str | None,
    more: list[dict[str, Any]],
    said: str,
) -> None:
    arn = context.directory.organization(acme).arn
    context.log_targets.roles[ROLE] = {"Statement": [statement(principals, external_id or arn), *more]}
    text = refusal()
    assert f"RoleArn: role {ROLE} {said}" in text
    assert f"none that allows the whole account: {json.dumps(statement(EXPORT_ROLES, arn))}" in text
