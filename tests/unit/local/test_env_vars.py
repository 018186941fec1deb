from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.errors import UsageError
from local.functions.function import Function
from local.template.env_vars import EnvVars

FUNCTION = Function("the-name", "LogicalId", "app.handler", Path("/"), "python3.13")


def read(tmp_path: Path, given: Any) -> EnvVars:
    path = tmp_path / "env.json"
    path.write_text(given if isinstance(given, str) else json.dumps(given), "utf-8")
    return EnvVars(path)


def test_variables_of_a_function_win_over_those_for_all(tmp_path: Path) -> None:
    variables = read(
        tmp_path, {"Parameters": {"A": "all", "B": "all"}, "LogicalId": {"A": "mine"}, "Other": {"C": "x"}}
    )
    assert variables.of(FUNCTION) == {"A": "mine", "B": "all"}


def test_a_function_is_named_by_its_name_too(tmp_path: Path) -> None:
    assert read(tmp_path, {"the-name": {"A": "1"}}).of(FUNCTION) == {"A": "1"}


def test_values_become_text_as_sam_makes_them(tmp_path: Path) -> None:
    given = {"LogicalId": {"A": 1, "B": True, "C": None, "D": 1.5, "E": ""}}
    assert read(tmp_path, given).of(FUNCTION) == {"A": "1", "B": "true", "C": "", "D": "1.5", "E": ""}


def test_without_a_file_there_is_nothing() -> None:
    assert EnvVars(None).of(FUNCTION) == {}
    assert EnvVars(None).unused([FUNCTION]) == []


def test_a_name_that_no_function_has_is_found(tmp_path: Path) -> None:
    variables = read(tmp_path, {"Parameters": {}, "the-name": {}, "LogicalIdd": {}})
    assert variables.unused([FUNCTION]) == ["LogicalIdd"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not of the form"),
        ({"A": "1"}, "not of the form"),
        ({"F": {"A": {"Ref": "X"}}}, "F: A cannot be"),
        ({"F": {"A=B": "x"}}, "cannot be an environment variable"),
        ({"F": {"A": "x\0"}}, "cannot be an environment variable"),
        ({"F": {"A\0": "x"}}, "cannot be an environment variable"),
        ({"F": {"A": "\ud800"}}, "cannot be an environment variable"),
        ({"F": {"": "x"}}, "cannot be an environment variable"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, given)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--env-vars \S+none.json: No such file"):
        EnvVars(tmp_path / "none.json")
