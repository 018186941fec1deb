"""The local stack's API knows callers by their access keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.api.callers import Callers
from local.aws import Aws
from local.functions.function import Function
from local.functions.runtimes import lambda_environment

ROLE = "arn:aws:iam::123456789012:role/path/restyle-role"
FUNCTION = Function("restyle", "Restyle", "app.handler", Path(), "python3.13", role=ROLE)
ROOT = "arn:aws:iam::123456789012:root"


class Functions:
    functions = (FUNCTION,)


def signed(key: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/20261130/us-east-1/execute-api/aws4_request, Signature=x"


@pytest.fixture
def emulator() -> Any:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_a_functions_worker_acts_in_its_role() -> None:
    key = lambda_environment(FUNCTION, "s", {})["AWS_ACCESS_KEY_ID"]
    nowhere: Any = None
    identity = Callers(Functions(), nowhere).identity(signed(key))  # type: ignore[arg-type]
    assert identity["userArn"] == "arn:aws:sts::123456789012:assumed-role/restyle-role/restyle"
    assert identity["caller"].endswith(":restyle")
    assert (identity["accountId"], identity["accessKey"]) == ("123456789012", key)


@pytest.mark.parametrize("authorization", ["", signed("test"), "Bearer x"])
def test_the_command_line_is_the_accounts_root(authorization: str) -> None:
    nowhere: Any = None
    assert Callers(Functions(), nowhere).identity(authorization)["userArn"] == ROOT  # type: ignore[arg-type]


def test_users_and_sessions_that_the_emulator_knows_are_themselves(emulator: str) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    iam, sts = (boto3.client(name, endpoint_url=emulator, **keys) for name in ("iam", "sts"))  # type: ignore[call-overload]
    iam.create_user(UserName="ann", Path="/mail/")
    user = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    session = sts.assume_role(RoleArn=ROLE, RoleSessionName="desk")["Credentials"]["AccessKeyId"]
    callers = Callers(Functions(), Aws({"AWS_ENDPOINT_URL": emulator}))  # type: ignore[arg-type]
    arns = [callers.identity(signed(key))["userArn"] for key in (user, session, "AKIAUNKNOWN0000")]
    assert arns == [
        "arn:aws:iam::123456789012:user/mail/ann",
        "arn:aws:sts::123456789012:assumed-role/restyle-role/desk",
        ROOT,
    ]
