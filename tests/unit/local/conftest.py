"""Customers' projects, deployed to moto in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import moto
import pytest

from local.aws import Aws
from local.customers.projects import Customers
from tests.support.submission_front import Port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from local.template.project import Project

EXPORTS = {"AWS_ENDPOINT_URL": "http://emulator", "AWS_DATA_PATH": "/data", "SHARED": "no"}
ONE = """
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: "."}
"""


def given(properties: str) -> str:
    """Return the one function with more properties."""
    return ONE.replace("Properties: {", f"Properties: {{{properties}, ")


class InProcess(Aws):
    """moto's own clients, which need no endpoint."""

    def client(self, service: str) -> Any:
        made: Any = boto3.client
        return made(service)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ):
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        yield InProcess({"AWS_ENDPOINT_URL": "http://emulator"})


def write(folder: Path, template: str, *more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(template, "utf-8")
    for name in more:
        (folder / name).write_text("", "utf-8")
    return folder


def deploy(
    aws: Aws, tmp_path: Path, *folders: Path, env_vars: object = None, overrides: Sequence[str] = ()
) -> list[Project]:
    path = None
    if env_vars is not None:
        path = tmp_path / "env.json"
        path.write_text(json.dumps(env_vars))
    return Customers(folders, path, overrides).deploy(aws, tmp_path / "packages", EXPORTS)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def port(certificates: Path) -> Iterator[Port]:
    made = Port(certificates)
    yield made
    made.server.close()
