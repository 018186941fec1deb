"""What people ask of a running stack: one module a command, listed in ``COMMANDS`` and ``GROUPS``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from local.commands import events, mailbox, parked, rebuild, replay, rules, send, trace

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "send": send.send,
    "trace": trace.trace,
    "events": events.events,
    "replay": replay.replay,
    "rebuild": rebuild.rebuild,
}

GROUPS: Final[dict[str, typer.Typer]] = {
    "mailbox": mailbox.app,
    "parked": parked.app,
    "rules": rules.app,
}


def register(app: typer.Typer) -> None:
    """Add every command to the command line."""
    for name, command in COMMANDS.items():
        app.command(name)(command)
    for name, group in GROUPS.items():
        app.add_typer(group, name=name)
