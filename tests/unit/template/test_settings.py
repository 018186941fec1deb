"""A function's variables are those that its settings read: none is missing on AWS, none is left over."""

from __future__ import annotations

import importlib
import logging
import runpy
from collections.abc import Callable
from typing import Any, Final

import pytest

from postroom.adapters.aws import clients
from postroom.errors import SettingsError
from tests.support.settings import EXAMPLES, LOCAL_ONLY, examples, settings_of

from .conftest import ROOT, Template
from .test_functions import FUNCTIONS

SETTINGS: Final = {name: found for name, folder in FUNCTIONS.items() if (found := settings_of(folder)) is not None}

Start = Callable[[str, dict[str, str]], None]

each_function_with_settings = pytest.mark.parametrize("function", SETTINGS)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a function as Lambda does, with these variables and no other of its own."""

    def run(function: str, variables: dict[str, str]) -> None:
        for name in SETTINGS[function].variables():
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        runpy.run_path(str(ROOT / "functions" / FUNCTIONS[function] / "app.py"))

    return run


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_gets_the_variables_that_its_settings_read(template: Template, function: str) -> None:
    read = SETTINGS[function].variables() if function in SETTINGS else {}
    given = template.variables(function)
    assert set(read) - LOCAL_ONLY - set(given) == set(), "missing in template.yaml"
    assert set(given) - set(read) == set(), "given in template.yaml, but not read"


@each_function_with_settings
def test_a_function_uses_each_of_its_settings(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.forget()
    settings, used = SETTINGS[function], set[str]()

    class Watched(settings):  # type: ignore[misc, valid-type]
        def __getattribute__(self, name: str) -> Any:
            used.add(name)
            return super().__getattribute__(name)

    bootstrap: Any = importlib.import_module(f"postroom.bootstrap.{FUNCTIONS[function]}")
    watched = Watched.read(examples(settings))
    bootstrap.build(watched)
    if hasattr(bootstrap, "batch"):
        bootstrap.batch(watched, logging.getLogger())
    clients.forget()
    if "shortened_s" in used:
        used.add("postroom_speed")
    assert {name.lower() for name in settings.variables()} - used == set()


@each_function_with_settings
def test_only_what_a_local_stack_sets_may_be_missing(function: str) -> None:
    settings = SETTINGS[function]
    assert {name for name in settings.variables() if hasattr(settings, name.lower())} <= LOCAL_ONLY
    settings.read(examples(settings))


@each_function_with_settings
def test_a_function_does_not_start_without_one_of_its_variables(function: str, start: Start) -> None:
    given = examples(SETTINGS[function])
    for name in given:
        for others in ({key: value for key, value in given.items() if key != name}, {**given, name: ""}):
            with pytest.raises(SettingsError, match=f"not set: {name} .*template.yaml"):
                start(function, others)


@each_function_with_settings
def test_a_function_that_does_not_start_names_each_variable_and_no_value(function: str, start: Start) -> None:
    given = examples(SETTINGS[function])
    first, *others = given
    wrong = {name: "a secret" for name in others if given[name] != EXAMPLES["str"]}
    with pytest.raises(SettingsError) as caught:
        start(function, {**given, **wrong, first: ""})
    assert f"not set: {first}" in str(caught.value)
    assert [name for name in wrong if f"{name} is not " not in str(caught.value)] == []
    assert "secret" not in str(caught.value)
