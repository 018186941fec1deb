"""A function's variables are what its settings read: none is missing on AWS, none is left over."""

import ast
import importlib
import re
import runpy
from collections.abc import Callable
from typing import Final

import pytest

from postroom.bootstrap.settings import Settings
from postroom.errors import SettingsError

from .conftest import ROOT, Template
from .test_functions import FUNCTIONS

BOOTSTRAP: Final = ROOT / "layers/postroom/python/postroom/bootstrap"
PREFIX: Final = "postroom.bootstrap."
ENVIRONMENT: Final = "environment"
"""Holds the reader itself."""
VARIABLE: Final = re.compile(r"[A-Z]+(?:_[A-Z]+)+")
PARTS: Final = {"parts", "rule_parts", "directory_parts"}
LOCAL_ONLY: Final = {"POSTROOM_FIRST_ORGANIZATION_ID", "POSTROOM_SPEED"}


Read = tuple[frozenset[str], frozenset[str]]
"""Names that must be there, and names that may be."""


def read_by(module: str, function: str | None = None) -> Read:
    """Return the variables that a bootstrap module reads, or one function of it, with all that it calls of ours."""
    whole = ast.parse((BOOTSTRAP / f"{module}.py").read_text())
    own = {node.name: node for node in whole.body if isinstance(node, ast.FunctionDef)}
    imported = {
        alias.asname or alias.name: str(node.module).removeprefix(PREFIX)
        for node in whole.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(PREFIX)
        for alias in node.names
    }
    required, optional = set[str](), set[str]()
    called: list[Read] = []
    for node in ast.walk(own[function] if function else whole):
        match node:
            case ast.Subscript(slice=ast.Constant(value=str(name))) if VARIABLE.fullmatch(name):
                required.add(name)
            case ast.Call(func=ast.Attribute(attr="enabled"), args=[ast.Constant(value=str(name))]):
                required.add(name)
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
                optional.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=parts), attr=name)) if parts in PARTS:
                called.append(read_by(parts, name))
            case ast.Call(func=ast.Name(id=name)) if imported.get(name, ENVIRONMENT) != ENVIRONMENT:
                called.append(read_by(imported[name], name))
            case ast.Call(func=ast.Name(id=name)) if function and name in own and name != function:
                called.append(read_by(module, name))
            case _:
                pass
    return (
        frozenset(required).union(*(each for each, _ in called)) - LOCAL_ONLY,
        frozenset(optional).union(*(each for _, each in called)) - LOCAL_ONLY,
    )


EXAMPLES: Final = {
    "str": "secret",
    "Arn": "arn:aws:kms:us-east-1:123456789012:key/secret",
    "Url": "https://sqs.us-east-1.amazonaws.com/123456789012/secret",
    "bool": "ENABLED",
}
"""A value of each kind that template.yaml sets."""


def settings_of(folder: str) -> type[Settings] | None:
    """Return the settings class of a function's bootstrap; a function without variables has none."""
    module = importlib.import_module(PREFIX + folder)
    classes = {each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__}
    found = [each for each in classes if issubclass(each, Settings)]
    assert len(found) <= 1
    return found[0] if found else None


SETTINGS: Final = {name: found for name, folder in FUNCTIONS.items() if (found := settings_of(folder)) is not None}
each_function_with_settings = pytest.mark.parametrize("function", SETTINGS)


def examples(settings: type[Settings]) -> dict[str, str]:
    """Return valid values of the variables that template.yaml sets."""
    variables = {name: kind for name, kind in settings.variables().items() if name not in LOCAL_ONLY}
    return {name: EXAMPLES[kind] for name, kind in variables.items()}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
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
    if function in SETTINGS:
        assert set(template.variables(function)) == set(SETTINGS[function].variables()) - LOCAL_ONLY
        return
    required, optional = read_by(FUNCTIONS[function])
    given = set(template.variables(function))
    assert required - given == set(), "missing in template.yaml"
    assert given - required - optional == set(), "given in template.yaml, but nobody reads it"


@each_function_with_settings
def test_only_what_a_local_stack_sets_may_be_missing(function: str) -> None:
    settings = SETTINGS[function]
    assert {name for name in settings.variables() if hasattr(settings, name.lower())} <= LOCAL_ONLY
    settings.read(examples(settings))


@each_function_with_settings
def test_a_function_does_not_start_without_one_of_its_variables(
    function: str, start: Callable[[str, dict[str, str]], None]
) -> None:
    given = examples(SETTINGS[function])
    for name in given:
        for others in ({key: value for key, value in given.items() if key != name}, {**given, name: ""}):
            with pytest.raises(SettingsError, match=f"not set: {name} .*template.yaml"):
                start(function, others)


@each_function_with_settings
def test_a_function_that_does_not_start_names_each_variable_and_no_value(
    function: str, start: Callable[[str, dict[str, str]], None]
) -> None:
    given = examples(SETTINGS[function])
    first, *others = given
    wrong = {name: "a secret" for name in others if given[name] != EXAMPLES["str"]}
    with pytest.raises(SettingsError) as caught:
        start(function, {**given, **wrong, first: ""})
    assert f"not set: {first}" in str(caught.value)
    assert [name for name in wrong if f"{name} is not " not in str(caught.value)] == []
    assert "secret" not in str(caught.value)
