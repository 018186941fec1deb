from __future__ import annotations

from typing import TYPE_CHECKING

import moto
import pytest

from functions.starters.src.availability import secret
from functions.starters.src.availability.ews_server import app as ews_server
from functions.starters.src.availability.published_calendars import app as published_calendars

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ):
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        secret.client.cache_clear()
        yield
        secret.client.cache_clear()


@pytest.fixture(autouse=True)
def on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for app in (ews_server, published_calendars):
        monkeypatch.setattr(app, "PRIVATE_HOSTS", frozenset({"localhost"}))
