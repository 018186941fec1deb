"""What all tests share: AWS in this process, as the emulator serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import moto  # before any boto3 session
import pytest

from local.emulator import patches
from postroom.adapters.aws import clients
from tests.support.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack's resources, empty, and the functions' environment."""
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto knows no per-account endpoint of streams
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    patches.apply()
    clients.forget()
    with moto.mock_aws():
        made = Stack.make()
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made
    clients.forget()
