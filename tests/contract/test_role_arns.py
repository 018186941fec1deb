"""Promises of ``RoleArns``, held in memory and over moto alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from postroom.adapters.aws.role_arns import KEPT_SECONDS, IamRoleArns
from postroom.adapters.memory.role_arns import MemoryRoleArns
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_iam import IAMClient

    from postroom.ports.role_arns import RoleArns

ARN: Final = "arn:aws:iam::123456789012:role/team/post/Mail-Admins"


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[IAMClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("iam", "us-east-1")
        make(client, "/team/post/")
        yield client


def make(iam: IAMClient, path: str) -> None:
    iam.create_role(RoleName="Mail-Admins", Path=path, AssumeRolePolicyDocument=json.dumps({"Statement": []}))


@pytest.fixture(params=["memory", "aws"])
def roles(request: pytest.FixtureRequest) -> RoleArns:
    if request.param == "memory":
        return MemoryRoleArns({"Mail-Admins": ARN})
    return IamRoleArns(request.getfixturevalue("iam"), lambda: 0.0)


def test_a_role_is_found_by_its_name(roles: RoleArns) -> None:
    assert roles.of("Mail-Admins") == ARN


def test_a_role_that_does_not_exist_has_none(roles: RoleArns) -> None:
    assert roles.of("nobody") is None


def test_an_answer_is_kept_for_a_minute(iam: IAMClient) -> None:
    now = [0.0]
    roles = IamRoleArns(iam, lambda: now[0])
    assert roles.of("Mail-Admins") == ARN
    iam.delete_role(RoleName="Mail-Admins")
    make(iam, "/other/")
    now[0] = KEPT_SECONDS - 1
    assert roles.of("Mail-Admins") == ARN
    now[0] = KEPT_SECONDS
    assert roles.of("Mail-Admins") == "arn:aws:iam::123456789012:role/other/Mail-Admins"


def test_iam_that_does_not_answer_is_no_answer(iam: IAMClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")

    monkeypatch.setattr(iam, "get_role", fail)
    with pytest.raises(StoreUnavailableError, match="IAM did not describe a role"):
        IamRoleArns(iam, lambda: 0.0).of("Mail-Admins")
