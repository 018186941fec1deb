"""A function's variables are what its bootstrap reads: none is missing on AWS, none is left over."""

import ast
import re
from typing import Final

import pytest

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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_gets_the_variables_that_its_bootstrap_reads(template: Template, function: str) -> None:
    required, optional = read_by(FUNCTIONS[function])
    given = set(template.variables(function))
    assert required - given == set(), "missing in template.yaml"
    assert given - required - optional == set(), "given in template.yaml, but nobody reads it"
