"""Promises of ``OrganizationKeys`` and ``LogTargets``, held in memory and over moto alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from postroom.adapters.aws.account_checks import AwsLogTargets, KmsOrganizationKeys
from postroom.adapters.memory.admin_services import MemoryLogTargets, MemoryOrganizationKeys
from postroom.errors import StoreUnavailableError
from postroom.ports.log_targets import RoleFacts
from postroom.ports.organization_keys import KeyFacts
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.log_targets import LogTargets
    from postroom.ports.organization_keys import OrganizationKeys

TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
ROLE = "arn:aws:iam::123456789012:role/mail/events"
TAGS = {"postroom:event-log": "m-1 m-2", "team": "mail"}


@pytest.fixture
def account() -> Iterator[None]:
    with empty_account():
        yield


@pytest.fixture(params=["memory", "aws"])
def targets(request: pytest.FixtureRequest) -> LogTargets:
    if request.param == "memory":
        return MemoryLogTargets(roles={ROLE: TRUST}, groups={"/my/group"}, tags={ROLE: TAGS})
    request.getfixturevalue("account")
    iam, tags = boto3.client("iam"), [{"Key": name, "Value": value} for name, value in TAGS.items()]
    iam.create_role(RoleName="events", Path="/mail/", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tags)  # type: ignore[arg-type]
    boto3.client("logs").create_log_group(logGroupName="/my/group")
    return AwsLogTargets(boto3.client("iam"), boto3.client("logs"))


@pytest.fixture(params=["memory", "aws"])
def keys(request: pytest.FixtureRequest) -> tuple[OrganizationKeys, str]:
    if request.param == "memory":
        arn = "arn:aws:kms:us-east-1:123456789012:key/1"
        facts = KeyFacts(arn, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled")
        return MemoryOrganizationKeys({arn: facts, arn.replace("key/1", "alias/mail"): facts}), arn
    request.getfixturevalue("account")
    kms = boto3.client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/mail", TargetKeyId=metadata["KeyId"])
    return KmsOrganizationKeys(kms), metadata["Arn"]


def test_a_key_tells_what_it_is_by_its_own_arn_and_by_an_alias(keys: tuple[OrganizationKeys, str]) -> None:
    port, arn = keys
    expected = KeyFacts(arn, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled")
    assert port.describe(arn) == expected
    assert port.describe("arn:aws:kms:us-east-1:123456789012:alias/mail") == expected


def test_a_key_that_is_not_there_is_none(keys: tuple[OrganizationKeys, str]) -> None:
    assert keys[0].describe("arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000") is None


def test_kinds_and_states_come_as_kms_says_them(account: None) -> None:
    kms = boto3.client("kms")
    port = KmsOrganizationKeys(kms)
    asymmetric = port.describe(kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])
    assert asymmetric is not None
    assert (asymmetric.spec, asymmetric.usage) == ("RSA_2048", "SIGN_VERIFY")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=arn)
    disabled = port.describe(arn)
    assert disabled is not None
    assert disabled.state == "Disabled"


def test_a_role_shows_its_trust_and_its_tags(targets: LogTargets) -> None:
    assert targets.role(ROLE) == RoleFacts(ROLE, TRUST, TAGS)
    assert targets.role("arn:aws:iam::123456789012:role/missing") is None
    assert targets.role("arn:aws:iam::123456789012:role/elsewhere/events") is None, "the whole ARN counts"
    assert targets.role("arn:aws:iam::111122223333:role/mail/events") is None


def test_log_groups_are_known_by_their_exact_name(targets: LogTargets) -> None:
    assert targets.log_group_exists("/my/group")
    assert not targets.log_group_exists("/my/grou")
    assert not targets.log_group_exists("/my/group2")


def test_services_that_are_silent_may_be_asked_again(account: None) -> None:
    def cut(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    iam: Any = boto3.client("iam")
    logs: Any = boto3.client("logs")
    kms: Any = boto3.client("kms")
    for client in (iam, logs, kms):
        client.meta.events.register("before-send", cut)
    with pytest.raises(StoreUnavailableError):
        AwsLogTargets(iam, logs).role(ROLE)
    with pytest.raises(StoreUnavailableError):
        AwsLogTargets(iam, logs).log_group_exists("/my/group")
    with pytest.raises(StoreUnavailableError):
        KmsOrganizationKeys(kms).describe("arn:aws:kms:us-east-1:123456789012:key/1")
