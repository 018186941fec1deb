"""One stack for all tests that leave it as usable as they found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.house import House
from tests.support.kms_door import KmsDoor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kms() -> Iterator[KmsDoor]:
    """KMS as the shared stack's functions see it, with every call written down."""
    door = KmsDoor()
    yield door
    door.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, kms: KmsDoor) -> Iterator[House]:
    """A stack whose delays are a fifth: what a test waits for comes, and the sweep's hour is longer than any suite."""
    variables = {"AWS_ENDPOINT_URL_KMS": kms.url}
    house = House(tmp_path_factory.mktemp("house"), port=kms.behind, variables=variables, speed=5)
    yield house
    house.stop()


@pytest.fixture(scope="module")
def house(shared: House) -> Iterator[House]:
    """The shared stack, and this process as one of its operators."""
    with shared.entered() as entered:
        yield entered
