"""The commands of `postroom`: one module per command, listed in ``COMMANDS`` with its line of help.

A command's module is imported when the command runs. `--help`, a wrong option and every other command do not wait for
what it needs; tests/unit/cli/test_startup.py counts what is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

from cli import validators

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

validators.make_when_needed()

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("local.up:up", "Start everything and stay in the foreground; Ctrl-C stops it."),
    "send": ("cli.commands.send:send", "Send messages as SES would receive them, byte for byte."),
    "submit": ("cli.commands.submit:submit", "Send a message as a user, with a copy in Sent Items."),
    "trace": ("cli.commands.trace:trace", "Show what happened to one message, in order."),
    "events": ("cli.commands.events:events", "Show the event log of all organizations."),
    "logs": ("cli.commands.logs:logs", "Show what a function printed, with the lines that Lambda adds."),
    "replay": ("cli.commands.replay:replay", "Invoke functions with sample events; what a sample needs is created."),
    "rebuild": (
        "cli.commands.rebuild:rebuild",
        "Write an organization's event log again from the ledger, for example after its log group was lost.",
    ),
    "mailbox": ("cli.commands.mailbox:app", "Read the messages of a mailbox."),
    "export": (
        "cli.commands.export:export",
        "Export mailboxes to this machine, each as a zip archive, mbox files or a Maildir.",
    ),
    "import": (
        "cli.commands.import_mail:import_",
        "Import mail and calendars into a mailbox, and compare the mailbox with them.",
    ),
    "calendar": ("cli.commands.calendar:app", "Import calendars, list events, set working hours."),
    "availability": (
        "cli.commands.availability:availability",
        "Show when users are free, of this organization and of others.",
    ),
    "parked": ("cli.commands.parked:app", "List what is parked and why; redrive or discard it."),
    "queue": ("cli.commands.outgoing_queue:app", "List mail that waits to leave, and have it tried now."),
    "audit": ("cli.commands.audit:app", "Audit records: follow them, search them, verify that they are as written."),
    "away": ("cli.commands.away:app", "Out-of-office replies of users."),
    "grants": ("cli.commands.grants:app", "Which IAM principals administer which organizations."),
    "rules": ("cli.commands.rules:app", "Mail-flow rules: as a file, and which rule decides about a message."),
}
"""Where each command is (a function, or a group of commands), and what `--help` says: its own help's first line.

Names in text: a command is imported when it runs, and `up`, which is the local stack's, by this table alone.
"""

HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}


class LazyCommands(TyperGroup):
    """A group whose commands are those of ``COMMANDS``."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Return every command's name, the registered ones first."""
        return [*super().list_commands(ctx), *COMMANDS]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Return a command; one of ``COMMANDS`` is imported now."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the command that is meant; a name that is nearly a command's is answered with that name."""
        if args and self.get_command(ctx, args[0]) is None:
            for name in COMMANDS:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002  typer's
        """Write the list of commands without importing them."""
        rows = [(name, command.get_short_help_str(formatter.width)) for name, command in self.commands.items()]
        rows += [(name, says) for name, (_, says) in COMMANDS.items() if name not in self.commands]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def load(name: str) -> Command:
    """Import one of ``COMMANDS`` and make of it what typer runs."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found: Any = getattr(importlib.import_module(module), attribute)
    holder = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]
