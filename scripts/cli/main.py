"""The command line `postroom`: the commands that `cli.commands.COMMANDS` lists.

Help and usage errors are plain text: rich, with which typer would format them, takes longer to import than the rest.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

import typer

from cli.commands import HELP_OPTIONS, LazyCommands
from cli.errors import CommandError

USUAL: Final = gc.get_threshold()

COLLECT_AFTER: Final = 1_000_000
"""New objects before Python looks for garbage: more than importing makes, of which nothing is garbage. Ours."""

app = typer.Typer(
    name="postroom",
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)


@app.callback()
def postroom() -> None:
    """Postroom: start it on this machine, send messages, read mailboxes, see what happened to a message."""


def main() -> None:
    """Run one command; an error is one line on stderr and an exit status, never a traceback."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        app()
    except CommandError as error:
        from cli import output

        print(output.refusal(str(error)), file=sys.stderr)
        sys.exit(error.exit_status)
