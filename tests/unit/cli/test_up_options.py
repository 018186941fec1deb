"""What `postroom up` makes of its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cli.main import app
from local import stack

if TYPE_CHECKING:
    from local.settings import UpSettings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[UpSettings]:
    """What was to be started."""
    seen: list[UpSettings] = []

    def run(settings: UpSettings) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(stack, "run", run)
    return seen


def test_functions_may_be_given_more_than_once(asked: list[UpSettings]) -> None:
    result = CliRunner().invoke(app, ["up", "--functions", "one", "--functions", "two", "--env-vars", "env.json"])
    assert result.exit_code == 0, result.output
    assert asked[0].functions == (Path("one"), Path("two"))
    assert asked[0].env_vars == Path("env.json")


def test_there_need_be_none(asked: list[UpSettings]) -> None:
    assert CliRunner().invoke(app, ["up"]).exit_code == 0
    assert (asked[0].functions, asked[0].env_vars) == ((), None)


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ((), (2587, 2465)),
        (("--submission-port", "0"), (0, 2465)),
        (("--submissions-port", "0"), (2587, 0)),
    ],
)
def test_mail_clients_have_a_port_for_each_way_to_tls(
    asked: list[UpSettings], words: tuple[str, ...], ports: tuple[int, int]
) -> None:
    assert CliRunner().invoke(app, ["up", *words]).exit_code == 0
    assert (asked[0].submission_port, asked[0].submissions_port) == ports
