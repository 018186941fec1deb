"""exchangelib, unmodified, as a client of a running stack."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import dns.resolver
import pytest
from exchangelib import Configuration, Credentials, EWSDateTime, EWSTimeZone
from exchangelib.autodiscover import cache
from exchangelib.protocol import BaseProtocol, CachingProtocol, Protocol

from cli.repository import repository_root
from tests.support.running_stack import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.running_stack import RunningStack

BERLIN: Final = EWSTimeZone("Europe/Berlin")


@contextmanager
def fresh() -> Iterator[None]:
    """Drop what exchangelib keeps for the life of the process, before and after: connections and versions."""
    CachingProtocol.clear_cache()
    try:
        yield
    finally:
        CachingProtocol.clear_cache()
        cache.autodiscover_cache.close()


@contextmanager
def server(running: RunningStack, user: str, password: str = PASSWORD, **configuration: Any) -> Iterator[Any]:
    """Give exchangelib's protocol for the front of a stack."""
    credentials = Credentials(user, password)
    url = running.environment["POSTROOM_EWS_URL"]
    with fresh():
        yield Protocol(config=Configuration(service_endpoint=url, credentials=credentials, **configuration))


@contextmanager
def discovered(running: RunningStack, user: str, folder: Path) -> Iterator[Any]:
    """Give the protocol that exchangelib finds by AutoDiscover, with the code of docs/clients.md.

    What that code replaces in exchangelib is put back.
    """
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    (recipe,) = [each for each in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "autodiscover=True" in each]
    names: dict[str, Any] = {"ADDRESS": user, "PASSWORD": PASSWORD}
    with pytest.MonkeyPatch.context() as kept, patch.dict(os.environ, running.environment), fresh():
        kept.setattr(cache, "AUTODISCOVER_PERSISTENT_STORAGE", folder / "exchangelib")
        kept.setattr(dns.resolver.Resolver, "resolve", dns.resolver.Resolver.resolve)
        kept.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", BaseProtocol.HTTP_ADAPTER_CLS)
        exec(compile(recipe, "docs/clients.md", "exec"), names)  # noqa: S102 - our own documentation
        yield names["account"].protocol


def ask(protocol: Any, *mailboxes: str) -> list[Any]:
    """Ask for 7 December 2026 from 8 to 18 o'clock in Berlin, in half hours."""
    start, end = (EWSDateTime(2026, 12, 7, hour, tzinfo=BERLIN) for hour in (8, 18))
    return list(protocol.get_free_busy_info([(each, "Required", False) for each in mailboxes], start, end, 30))


def berlin(hour: int, minute: int = 0) -> datetime:
    """Return a time of that day."""
    return datetime(2026, 12, 7, hour, minute, tzinfo=BERLIN)
