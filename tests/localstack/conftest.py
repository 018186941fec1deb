"""One stack on the LocalStack that `scripts/test-localstack` names; DynamoDB is a moto of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import localstack
from tests.support.running_stack import RunningStack

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = {"AWS_ENDPOINT_URL": localstack.URL, "AWS_ENDPOINT_URL_DYNAMODB": os.environ.get(localstack.DYNAMODB, "")}
"""How `up` finds both; localstack-client reads the first, too."""


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("localstack")
    started = RunningStack(folder, variables=VARIABLES, speed=5, settings={"emulator": "localstack"})
    with started.entered() as entered:
        yield entered
    started.stop()
