"""One organization with mailboxes on memory ports, and what deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.admin_services import MemoryDomainServices
from tests.support.deletion import PEOPLE, memory_deletion
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from postroom.lifecycle.deletion import Deletion


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for name in PEOPLE:
        made.user(name)
    made.group("team", *PEOPLE)
    return made


@pytest.fixture
def services() -> MemoryDomainServices:
    return MemoryDomainServices(routed={"acme.test"})


@pytest.fixture
def deletion(post: MemoryMailSystem, services: MemoryDomainServices) -> Deletion:
    return memory_deletion(
        post.directory,
        services,
        post.transit,
        post.ledger,
        post.raw,
        post.sealed,
        post.tables,
        post.queues,
        post.now,
    )
