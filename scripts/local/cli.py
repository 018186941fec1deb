"""The command line: `up` here, and every command of `local.commands` (its `COMMANDS` and `GROUPS` list them)."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  typer reads it
from typing import Annotated, Literal

import typer

from local import commands, output
from local.errors import LocalError
from local.settings import UpSettings

app = typer.Typer(
    name="postroom",
    help="Postroom on this machine: start it, send mail, look into mailboxes, follow what happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    ses_headers: Annotated[bool, typer.Option("--ses-headers", help="Add to stored mail what SES adds.")] = False,
) -> None:
    """Start everything and stay in the foreground; Ctrl-C stops it."""
    # Here, not above: boto3 and the SMTP server are no part of the other commands.
    from local.up import run

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


commands.register(app)


def main() -> None:
    """Run one command; an error is one line on stderr and an exit status, never a traceback."""
    try:
        app()
    except LocalError as error:
        print(output.refusal(str(error)), file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
