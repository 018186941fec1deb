"""What a command imports before it does anything: counted, because times are no part of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest
from typer.testing import CliRunner

from cli.commands import COMMANDS, load
from cli.main import app

FELT: Final = {"boto3", "botocore", "cryptography", "jsonschema", "moto", "postroom", "pydantic", "rich", "yaml"}
"""Packages whose import is felt, of ours and of others."""

ENVIRONMENT: Final = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

RUN: Final = "from cli.main import app\napp({arguments!r}, standalone_mode=False)"

RUN_WITHOUT_A_STACK: Final = """
from cli import running
from cli.main import app
def find(): raise KeyError("here a stack would be looked for")
running.find = find
try: app({arguments!r}, standalone_mode=False)
except KeyError: pass
"""


def imported(code: str) -> set[str]:
    """Return what a fresh interpreter has imported when a program has ended."""
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint()\nprint(*sys.modules)"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **ENVIRONMENT}).stdout
    return set(said.splitlines()[-1].split())


def felt(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & FELT


def test_the_list_of_commands_is_shown_without_importing_one() -> None:
    modules = imported(RUN.format(arguments=["--help"]))
    assert not felt(modules)
    assert not {name for name in modules if name.startswith("cli.commands.")}


@pytest.mark.parametrize(
    "words", ["up", "trace", "mailbox list", "import", "queue list", "audit verify", "audit search"]
)
def test_help_imports_neither_clients_nor_tables_nor_validators(words: str) -> None:
    modules = imported(RUN.format(arguments=[*words.split(), "--help"]))
    assert not felt(modules) & {"boto3", "botocore", "moto", "pydantic", "rich"}


@pytest.mark.parametrize(
    "words",
    [
        "trace tttt",
        "mailbox list ada@sample.example",
        "import ada@sample.example .",
        "queue retry --gateway partner",
        "audit verify --since 2h",
    ],
)
def test_reading_a_command_line_makes_no_validator_of_text(words: str) -> None:
    modules = imported(RUN_WITHOUT_A_STACK.format(arguments=words.split()))
    assert not felt(modules) & {"boto3", "moto", "pydantic", "rich"}


@pytest.mark.parametrize(
    ("tool", "spared"),
    [
        ("ledger", {"mailboxes", "mailbox_keys", "queues", "directory_rows", "raw_mail"}),
        ("mailboxes", {"mailbox_keys", "queues", "directory_rows", "raw_mail", "transit"}),
    ],
)
def test_a_tool_of_the_operators_does_not_bring_the_others_along(tool: str, spared: set[str]) -> None:
    tables = dict.fromkeys(("LEDGER_TABLE", "MAILBOX_TABLE", "TRANSIT_TABLE"), "table")
    modules = imported(f"from postroom.bootstrap.operator import build\nbuild({tables}).{tool}")
    assert felt(modules) == {"botocore", "postroom"}
    assert not {f"postroom.adapters.aws.{name}" for name in spared} & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_help_text_of_each_command(name: str) -> None:
    own = (load(name).help or "").split("\n\n")[0]
    assert " ".join(own.split()) == COMMANDS[name][1]


def test_a_name_that_is_nearly_a_commands_is_answered_with_it() -> None:
    result = CliRunner().invoke(app, ["mailbx"])
    assert result.exit_code == 2
    assert "Did you mean 'mailbox'?" in result.output


def test_values_that_need_a_check_are_checked() -> None:
    result = CliRunner().invoke(app, ["up", "--port", "many"])
    assert result.exit_code == 2
    assert "--port" in result.output
    result = CliRunner().invoke(app, ["up", "--speed", "0"])
    assert result.exit_code == 2
    assert "--speed" in result.output


def test_typer_still_makes_a_validator_of_text() -> None:
    """Where it does not, ``cli.validators`` has lost its purpose."""
    assert "pydantic" in imported(
        "import typer\napp = typer.Typer()\n@app.command()\ndef run(name: str): pass\napp(['x'], standalone_mode=False)"
    )
