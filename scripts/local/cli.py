"""The command line: `up` here, and every command of `local.commands` (its `COMMANDS` lists them).

Help and usage errors are plain text: rich, which typer would set them with, takes longer to import than all the rest.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path  # noqa: TC003  typer reads it
from typing import Annotated, Final, Literal

import typer

from local.commands import HELP_OPTIONS, LazyCommands
from local.errors import LocalError
from local.settings import UpSettings

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
    """Postroom on this machine: start it, send mail, look into mailboxes, follow what happened."""


@app.command()
def up(
    emulator: Annotated[Literal["moto", "localstack"], typer.Option(help="Who plays AWS.")] = "moto",
    functions: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A SAM project of yours; may be given more than once.")
    ] = None,
    env_vars: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Variables of its functions, in sam's format.")
    ] = None,
    parameter_overrides: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Its template's parameters, as sam takes them; may be repeated."),
    ] = None,
    organization_id: Annotated[
        str,
        typer.Option(metavar="ID", help="Id of the first organization that is created, for functions that need it."),
    ] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65533, help="The emulator's; Lambda +1, API +2; 0: any free.")] = 4566,
    smtp_port: Annotated[int, typer.Option(min=0, max=65535, help="The Internet's side of SES; 0: any free.")] = 2525,
    speed: Annotated[int, typer.Option(min=1, help="Divides retry delays and expiry.")] = 1,
    ses_headers: Annotated[
        bool, typer.Option(help="Put in front of stored mail what SES puts there; without: store it as it was sent.")
    ] = True,
) -> None:
    """Start everything and stay in the foreground; Ctrl-C stops it."""
    # Here, not above: boto3 and the SMTP server are no part of the other commands.
    from local.up import run

    gc.set_threshold(*USUAL)  # it stays, the other commands end soon
    settings = UpSettings(
        emulator=emulator,
        host=host,
        port=port,
        smtp_port=smtp_port,
        speed=speed,
        ses_headers=ses_headers,
        functions=tuple(functions or ()),
        env_vars=env_vars,
        organization_id=organization_id,
        parameter_overrides=tuple(parameter_overrides or ()),
    )
    raise typer.Exit(run(settings))


def main() -> None:
    """Run one command; an error is one line on stderr and an exit status, never a traceback."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        app()
    except LocalError as error:
        from local import output

        print(output.refusal(str(error)), file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
