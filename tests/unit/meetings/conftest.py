"""The mail system that the tests of the station share."""

from __future__ import annotations

import pytest

from tests.support.memory_mail_system import MemoryMailSystem


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for name in ("ann", "ben", "olga", "dora"):
        made.user(name)
    made.group("group", "ann", "ben")
    made.resource("room")
    return made
