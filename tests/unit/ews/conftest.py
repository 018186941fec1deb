from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.ews_front import Front, connected

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def front() -> Front:
    """A front with the user ada of the organization acme."""
    made = Front()
    made.user("ada")
    return made


@pytest.fixture
def connection(front: Front) -> Iterator[Front]:
    """The same, reached by exchangelib."""
    with connected(front):
        yield front
