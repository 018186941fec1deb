"""The command line `postroom`: the commands that `cli.commands.COMMANDS` lists.

Help and usage errors are plain text: rich, with which typer would format them, takes longer to import than the rest.
"""

from __future__ import annotations

import gc
import sys
from typing import Annotated, Final

import typer

from cli import running
from cli.commands import HELP_OPTIONS, LazyCommands
from cli.errors import CommandError, UsageError

USUAL: Final = gc.get_threshold()

COLLECT_AFTER: Final = 1_000_000
"""New objects before Python looks for garbage: more than importing makes, of which nothing is garbage. Ours."""

ONLY_HERE: Final = ("up", "send")
"""Commands of the local stack: SES's own port is the way into a deployed one."""

app = typer.Typer(
    name="postroom",
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)


@app.callback()
def postroom(
    context: typer.Context,
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="NAME", help="A deployed stack; else the one that runs here.")
    ] = None,
    region: Annotated[str | None, typer.Option(metavar="REGION", help="Region of the deployed stack.")] = None,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="Profile of the AWS configuration.")] = None,
) -> None:
    """Postroom: start it on this machine, send messages, read mailboxes, see what happened to a message.

    With --stack, commands work on a stack that is deployed in an AWS account.
    """
    if stack and context.invoked_subcommand in ONLY_HERE:
        raise UsageError(f"{context.invoked_subcommand} is for the stack that runs here: give no --stack")
    running.choose(stack, region, profile)


def main() -> None:
    """Run one command; an error is one line on stderr and an exit status, never a traceback."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        app()
    except CommandError as error:
        from cli import output

        print(output.refusal(str(error)), file=sys.stderr)
        sys.exit(error.exit_status)
