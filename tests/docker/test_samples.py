"""Every function, with its sample event, in AWS's container: the answers are those of events/samples.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from cli.samples import SampleRunner, Samples, function_of
from cli.stack_outputs import logical_id
from local.sam import HOST
from tests.docker.conftest import INVOKE_SECONDS, READY_SECONDS, ROOT, invoke

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docker.conftest import UpStack

SAMPLES: Final = Samples.read(ROOT / "events")
FUNCTIONS: Final = SAMPLES.functions(ROOT / "functions")
CALLING: Final = {"admin_api_submit"}
"""Samples of functions that call another one, beside ``ews``, which asks query_availability."""

PREPARING: Final = {"submit_inside"}
"""Samples whose results others need."""

CHOSEN: Final = [name for name in SAMPLES.by_name if name in {*FUNCTIONS, *CALLING, *PREPARING}]
"""One for each function at least, in the order of their stations."""

pytestmark = [pytest.mark.docker, pytest.mark.timeout(READY_SECONDS + INVOKE_SECONDS + 60)]


@pytest.fixture(scope="module")
def runner(up: UpStack) -> Iterator[SampleRunner]:
    with up.entered() as stack:
        yield SampleRunner.of(stack, SAMPLES)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_sample_has_the_described_answer_in_a_container(
    runner: SampleRunner, up: UpStack, name: str, tmp_path: Path
) -> None:
    sample = SAMPLES.by_name[name]
    here = up.environment["AWS_ENDPOINT_URL"]
    there = here.replace("127.0.0.1", HOST)  # CloudFormation's ResponseURL
    (tmp_path / "event.json").write_bytes(runner.prepare(sample).replace(here.encode(), there.encode()))
    answer = invoke(logical_id(function_of(name, FUNCTIONS)), tmp_path / "event.json")
    assert sample.differs(answer) == ""


def test_every_function_has_such_a_sample() -> None:
    assert {function_of(name, FUNCTIONS) for name in CHOSEN} == {
        path.parent.name for path in (ROOT / "functions").glob("*/app.py")
    }
