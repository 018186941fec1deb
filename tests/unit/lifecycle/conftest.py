"""One organization with mailboxes on memory ports, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.admin_services import MemoryDomainServices
from tests.support.deletion import USERS, memory_deletion
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from postroom.lifecycle.deletion import Deletion


@pytest.fixture
def mail_system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for name in USERS:
        made.user(name)
    made.group("team", *USERS)
    return made


@pytest.fixture
def services() -> MemoryDomainServices:
    return MemoryDomainServices(routed={"acme.test"})


@pytest.fixture
def deletion(mail_system: MemoryMailSystem, services: MemoryDomainServices) -> Deletion:
    return memory_deletion(
        mail_system.directory,
        services,
        mail_system.transit,
        mail_system.ledger,
        mail_system.raw,
        mail_system.sealed,
        mail_system.tables,
        mail_system.queues,
        mail_system.now,
    )
