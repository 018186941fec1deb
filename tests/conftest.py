"""What all tests share: AWS in this process, as the emulator serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import moto  # noqa: F401 - before any boto3 session
import pytest

from local.emulator import patches
from tests.support import quick
from tests.support.stack import Stack, empty_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

quick.apply()
patches.apply()  # for every test: moto alone lets two clients pass one condition


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The stack's resources, empty, and the functions' environment."""
    with empty_stack() as made:
        yield made
