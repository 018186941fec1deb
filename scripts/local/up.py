"""`postroom up`: the options, and their meaning for the stack."""

from __future__ import annotations

import gc
from pathlib import Path  # noqa: TC003  typer reads it
from typing import Annotated, Literal

import typer

from cli.main import USUAL
from local.settings import UpSettings


def up(
    emulator: Annotated[Literal["moto", "localstack"], typer.Option(help="The AWS emulator.")] = "moto",
    functions: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Folder of a SAM project; may be repeated.")
    ] = None,
    env_vars: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Environment variables of its functions, in sam's format.")
    ] = None,
    parameter_overrides: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Parameters of its template, in sam's format; may be repeated."),
    ] = None,
    organization_id: Annotated[
        str,
        typer.Option(metavar="ID", help="Id of the first organization that is created, for functions that need it."),
    ] = "",
    private_ews_server: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="EWS server that may be a provider though it is not public; may be repeated.",
        ),
    ] = None,
    private_ews_certificates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM of the authorities of such servers' certificates.")
    ] = None,
    private_smtp_gateway: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="SMTP gateway that an organization may name though it is not public; may be repeated.",
        ),
    ] = None,
    private_smtp_certificates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM of the authorities of such gateways' certificates.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65533,
            help="Of the emulator; the Lambda service has the next one, the API the one after; 0: any free.",
        ),
    ] = 4566,
    smtp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where mail from outside arrives, as at SES; 0: any free.")
    ] = 2525,
    submission_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where mail clients of users submit, with STARTTLS; 0: any free.")
    ] = 2587,
    submissions_port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Where they submit with TLS from the first byte (implicit TLS); 0: any free."
        ),
    ] = 2465,
    speed: Annotated[int, typer.Option(min=1, help="Divisor of retry delays and expiry times.")] = 1,
    ses_headers: Annotated[bool, typer.Option(help="Add the header fields that SES adds to stored messages.")] = True,
) -> None:
    """Start everything and stay in the foreground; Ctrl-C stops it.

    A line on stdout says that it is ready and where everything is; .postroom/env exports the same.
    """
    # Here, not above: boto3 and the SMTP server are no part of `up --help`.
    from local.stack import run

    gc.set_threshold(*USUAL)  # a stack runs for long, the other commands end soon
    settings = UpSettings(
        emulator=emulator,
        host=host,
        port=port,
        smtp_port=smtp_port,
        submission_port=submission_port,
        submissions_port=submissions_port,
        speed=speed,
        ses_headers=ses_headers,
        functions=tuple(functions or ()),
        env_vars=env_vars,
        organization_id=organization_id,
        private_ews_servers=tuple(private_ews_server or ()),
        private_ews_certificates=private_ews_certificates,
        private_smtp_gateways=tuple(private_smtp_gateway or ()),
        private_smtp_certificates=private_smtp_certificates,
        parameter_overrides=tuple(parameter_overrides or ()),
    )
    raise typer.Exit(run(settings))
