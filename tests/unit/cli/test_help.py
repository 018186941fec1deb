"""What `--help` shows to a new user."""

import pytest
from typer.testing import CliRunner

from cli.commands import COMMANDS
from cli.main import app


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_no_line_about_a_command_is_cut(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    assert shown.exit_code == 0
    _, _, commands = shown.output.partition("\nCommands:\n")
    assert [line for line in commands.splitlines() if line.endswith("...")] == []


def test_groups_show_their_commands() -> None:
    shown = CliRunner().invoke(app, ["away", "--help"])
    assert "\nCommands:\n" in shown.output
