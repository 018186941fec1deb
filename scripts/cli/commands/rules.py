"""`postroom rules`: an organization's mail-flow rules as a file, and which rule decides about a message.

It calls only the admin API, so that it works on a deployed stack as well: AWS_ENDPOINT_URL_WORKMAIL names it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from rich.text import Text

from cli import output, rules_api, rules_file, running
from cli.errors import RefusedError, UsageError
from cli.rules_plan import Change, Step, differences
from cli.rules_plan import plan as make_plan
from postroom.mime.headers import Headers
from postroom.model.rules import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.rules_api import Api
    from cli.rules_file import RulesFile, WrittenRule
    from cli.rules_plan import KnownRule

app = typer.Typer(help="Mail-flow rules: as a file, and which rule decides about a message.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; see schemas/.", show_default=False)]
Organization = Annotated[
    str | None,
    typer.Option("--organization", metavar="ALIAS|ID", help="Needed if there is more than one."),
]

STYLE: Final = {
    Change.CREATE: ("+", "green"),
    Change.CHANGE: ("~", "yellow"),
    Change.DELETE: ("-", "red"),
    Change.UNCHANGED: (" ", "dim"),
}

MEMBERS: Final = (
    "name",
    "description",
    "senders",
    "recipients",
    "action",
    "bounceMessage",
    "gateway",
    "lambda",
    "thenGateway",
)
"""Members of a rule in a file, in the order in which they are written."""

DONE: Final = {Change.CREATE: "created", Change.CHANGE: "changed", Change.DELETE: "deleted"}


@app.command("list")
def list_(organization: Organization = None, as_json: AsJson = False) -> None:
    """List the rules in effect, inbound ones first, by name."""
    with running.refusals():
        known = rules_api.api(organization).rules()
    if as_json:
        output.print_json(map(as_row, known))
        return
    columns = ("direction", "name", "senders", "recipients", "action", "description")
    cells = [
        (
            row["direction"],
            row["name"],
            "\n".join(row["senders"]),
            "\n".join(row["recipients"]),
            _action(each.rule),
            row["description"] or "",
        )
        for each, row in ((each, as_row(each)) for each in known)
    ]
    output.console().print(output.table(columns, cells) if cells else "no rules: every message is delivered normally")


@app.command("plan")
def plan(file: File, organization: Organization = None, as_json: AsJson = False) -> None:
    """Show what `apply` would change, and change nothing."""
    read = rules_file.read(file)
    with running.refusals():
        steps = _steps(rules_api.api(organization), read)
    _show(steps, as_json=as_json)


@app.command("apply")
def apply(file: File, organization: Organization = None, as_json: AsJson = False) -> None:
    """Make the rules equal to the file.

    The difference is shown, then made. Rules that the file does not have are deleted.

    A direction (inbound, outbound) that the file does not name stays as it is.

    Each change applies to the next message. If a change is refused, those before it stay; run the command again.
    """
    read = rules_file.read(file)
    with running.refusals():
        api = rules_api.api(organization)
        steps = _steps(api, read)
    if not as_json:
        _show(steps, as_json=False)
    try:
        for step in steps:
            _make(api, step)
    finally:
        if as_json:
            _show(steps, as_json=True)
        elif done := [step for step in steps if step.done]:
            counts = [f"{sum(step.change is change for step in done)} {word}" for change, word in DONE.items()]
            output.console().print(f"done: {', '.join(counts)}")


@app.command("export")
def export(
    organization: Organization = None,
    form: Annotated[Literal["yaml", "json"], typer.Option("--format", help="Of the file.")] = "yaml",
) -> None:
    """Write the rules in effect to stdout, as a file for `apply`."""
    with running.refusals():
        known = rules_api.api(organization).rules()
    text = rules_file.dump([each.rule for each in known], as_json=form == "json")
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


@app.command("test")
def explain(
    sender_from: Annotated[
        str, typer.Option("--from", metavar="A", help="The From field, or its address.", show_default=False)
    ],
    to: Annotated[
        list[str], typer.Option("--to", metavar="B,C", help="Envelope recipients; repeatable.", show_default=False)
    ],
    sender: Annotated[
        str | None, typer.Option("--sender", metavar="S", help="The Sender field, or its address.")
    ] = None,
    outbound: Annotated[bool, typer.Option("--outbound", help="Test a message that the organization sends.")] = False,
    organization: Organization = None,
    as_json: AsJson = False,
) -> None:
    """Show which rule decides about a message, and why.

    Others that match are shown, too. Nothing is sent.
    """
    recipients = [address.strip() for each in to for address in each.split(",") if address.strip()]
    if not recipients:
        raise UsageError("--to names no recipient")
    request = {"From": _address("--from", sender_from), "Recipients": recipients}
    if sender:
        request["Sender"] = _address("--sender", sender)
    with running.refusals():
        api = rules_api.api(organization)
        results = api.test(Direction.OUTBOUND if outbound else Direction.INBOUND, **request)
        rows = [as_test_row(result, api) for result in results]
    if as_json:
        output.print_json(rows)
        return
    for row in rows:
        output.console().print(_explained(row), soft_wrap=True)


def _address(option: str, field: str) -> str:
    """Return the address in an address field as mail has it, ``Joe <x@b.example>`` say.

    Raises:
        UsageError: there is none in it, or more than one, or mail clients may read it differently.
    """
    authors = Headers.of(f"From: {' '.join(field.split())}\r\n\r\n".encode("utf-8", "surrogateescape")).authors
    found = authors.readings[0].froms
    if authors.differ or len(found) != 1:
        names = ", ".join(map(str, found)) or "no sender"
        raise UsageError(f"{option} {field!r}: mail clients may show {names}; give one address, like ann@example.com")
    return str(found[0])


def _steps(api: Api, read: RulesFile) -> list[Step]:
    """Return what has to change; rules of a direction that the file does not name are unchanged."""
    known = api.rules()
    others = [each.rule for each in known if each.rule.direction not in read.directions]
    return make_plan(known, [*api.localized(read.rules), *others])


def _make(api: Api, step: Step) -> None:
    """Make one step; a refusal says which rule it is about."""
    try:
        with running.refusals():
            api.make(step)
    except RefusedError as refused:
        raise RefusedError(f"{_named(step)}: {refused}") from refused


def as_row(known: KnownRule) -> dict[str, Any]:
    """Return what `list --json` shows of a rule: a documented interface."""
    return {
        "id": known.id,
        "direction": known.rule.direction.lower(),
        **_members(known.rule),
        "created": known.created,
        "modified": known.modified,
    }


def as_step_row(step: Step) -> dict[str, Any]:
    """Return what `plan --json` and `apply --json` show of a rule: a documented interface."""
    return {
        "direction": step.direction.lower(),
        "name": step.name,
        "change": step.change.value,
        "before": _members(step.before) if step.before else None,
        "after": _members(step.wanted) if step.wanted else None,
        "warnings": step.warnings,
        "done": step.done,
    }


def as_test_row(result: dict[str, Any], api: Api) -> dict[str, Any]:
    """Return what `test --json` shows of a recipient: a documented interface."""
    call = api.call(result["Action"])
    return {
        "recipient": result["Recipient"],
        "action": result["Action"]["Type"],
        "bounceMessage": result["Action"].get("BounceMessage"),
        "lambda": call and call.members(),
        "gateway": api.gateway(result["Action"]) or None,
        "rule": result.get("RuleName"),
        "ruleId": result.get("RuleId"),
        "reason": result["Reason"],
        "matched": [
            {
                "rule": match["Name"],
                "ruleId": match["RuleId"],
                "senderPattern": match["SenderPattern"],
                "recipientPattern": match["RecipientPattern"],
                "action": match["Action"]["Type"],
            }
            for match in result["MatchedRules"]
        ],
    }


def _members(rule: WrittenRule) -> dict[str, Any]:
    """Return a rule's members, absent ones as null."""
    return dict.fromkeys(MEMBERS) | rule.members()


def _show(steps: Sequence[Step], *, as_json: bool) -> None:
    if as_json:
        output.print_json(map(as_step_row, steps))
        return
    text = Text()
    for step in steps:
        sign, style = STYLE[step.change]
        if step.change is not Change.UNCHANGED:
            text.append(f"{sign} {step.change} {_named(step)}", style=style)
            text.append(f"{_what(step)}\n")
        for warning in step.warnings:
            text.append(f"! {_named(step)} {warning}\n", style="yellow")
    counts = [f"{sum(step.change is change for step in steps)} {word}" for change, word in COUNTED.items()]
    text.append(", ".join(counts))
    output.console().print(text, soft_wrap=True)


COUNTED: Final = {
    Change.CREATE: "to create",
    Change.CHANGE: "to change",
    Change.DELETE: "to delete",
    Change.UNCHANGED: "unchanged",
}


def _named(step: Step) -> str:
    """Return a rule's name, which an inbound and an outbound one may share."""
    return f"outbound {step.name!r}" if step.direction is Direction.OUTBOUND else repr(step.name)


def _what(step: Step) -> str:
    """Return what a step changes: a whole rule, or the members that change, one per line."""
    if step.change is Change.CHANGE:
        return "".join(f"\n    {name}: {_value(before)} → {_value(after)}" for name, before, after in differences(step))
    rule = step.wanted or step.before
    return f": {_action(rule)}, {', '.join(rule.senders)} → {', '.join(rule.recipients)}" if rule else ""


def _value(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else value or "-"


def _action(rule: WrittenRule) -> str:
    more = rule.bounce_message or _onward(rule)
    return f"{rule.action} ({more})" if more else rule.action


def _onward(rule: WrittenRule) -> str:
    """Return a rule's function, its gateway, or both in their order."""
    return ", then ".join(str(each) for each in (rule.call, rule.gateway) if each)


def _explained(row: dict[str, Any]) -> Text:
    """Return one recipient's answer as text."""
    text = Text.assemble((row["recipient"], "bold"), ": ", (row["action"], "cyan"))
    if row["lambda"] is not None:
        text.append(f" {row['lambda']['function']}")
    if row["gateway"] is not None:
        text.append(f"{', then' if row['lambda'] else ''} {row['gateway']}")
    if row["rule"] is not None:
        text.append(f" by rule {row['rule']!r}")
    text.append(f"\n    {row['reason']}")
    for match in row["matched"]:
        sign = "→" if match["ruleId"] == row["ruleId"] else " "
        patterns = f"{match['senderPattern']} → {match['recipientPattern']}"
        text.append(f"\n  {sign} {match['rule']!r}: {match['action']}, matches {patterns}")
    return text
