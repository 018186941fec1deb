"""`postroom rules`: an organization's mail-flow rules as a file, and why mail meets the rule that it meets.

Speaks to the admin API alone, so that it works on a deployed stack as well: AWS_ENDPOINT_URL_WORKMAIL names it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from rich.text import Text

from local import output, rules_file, running
from local.errors import RefusedError, UsageError
from local.rules_file import WrittenCall, WrittenRule
from local.rules_plan import Change, KnownRule, Step, differences
from local.rules_plan import plan as make_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

app = typer.Typer(help="Mail-flow rules: as a file, and why mail meets the one it meets.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; see schemas/.", show_default=False)]
Organization = Annotated[
    str | None,
    typer.Option("--organization", metavar="ALIAS|ID", help="Needed where there is more than one."),
]

STYLE: Final = {
    Change.CREATE: ("+", "green"),
    Change.CHANGE: ("~", "yellow"),
    Change.DELETE: ("-", "red"),
    Change.UNCHANGED: (" ", "dim"),
}

DONE: Final = {Change.CREATE: "created", Change.CHANGE: "changed", Change.DELETE: "deleted"}


@app.command("list")
def list_(organization: Organization = None, as_json: AsJson = False) -> None:
    """List the rules that hold, by name."""
    with running.refusals():
        known = _known(_api(organization))
    if as_json:
        output.print_json(map(as_row, known))
        return
    columns = ("name", "senders", "recipients", "action", "description")
    cells = [
        (
            row["name"],
            "\n".join(row["senders"]),
            "\n".join(row["recipients"]),
            _action(each.rule),
            row["description"] or "",
        )
        for each, row in ((each, as_row(each)) for each in known)
    ]
    output.console().print(output.table(columns, cells) if cells else "no rules: all mail takes its normal way")


@app.command("plan")
def plan(file: File, organization: Organization = None, as_json: AsJson = False) -> None:
    """Show what `apply` would change, and change nothing."""
    wanted = rules_file.read(file)
    with running.refusals():
        api = _api(organization)
        steps = make_plan(_known(api), api.localized(wanted))
    _show(steps, as_json=as_json)


@app.command("apply")
def apply(file: File, organization: Organization = None, as_json: AsJson = False) -> None:
    """Make the rules those of the file: show the difference, then change what differs. Others are deleted.

    Each change holds for the next message. What is done stays done where a later one is refused; run it again.
    """
    wanted = rules_file.read(file)
    with running.refusals():
        api = _api(organization)
        steps = make_plan(_known(api), api.localized(wanted))
    if not as_json:
        _show(steps, as_json=False)
    try:
        with running.refusals():
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
    """Write the rules that hold to stdout, as a file for `apply`."""
    with running.refusals():
        known = _known(_api(organization))
    text = rules_file.dump([each.rule for each in known], as_json=form == "json")
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


@app.command("test")
def explain(
    sender_from: Annotated[str, typer.Option("--from", metavar="A", help="Of the From field.", show_default=False)],
    to: Annotated[
        list[str], typer.Option("--to", metavar="B,C", help="Envelope recipients; repeatable.", show_default=False)
    ],
    sender: Annotated[str | None, typer.Option("--sender", metavar="S", help="Of the Sender field.")] = None,
    organization: Organization = None,
    as_json: AsJson = False,
) -> None:
    """Say which rule decides about a message, which others match, and why this one. Nothing is sent."""
    recipients = [address.strip() for each in to for address in each.split(",") if address.strip()]
    if not recipients:
        raise UsageError("--to names nobody")
    request = {"From": sender_from, "Recipients": recipients, **({"Sender": sender} if sender else {})}
    with running.refusals():
        api = _api(organization)
        results = api.workmail.test_inbound_mail_flow_rules(**api.named, **request)["Results"]
    rows = [as_test_row(result, api) for result in results]
    if as_json:
        output.print_json(rows)
        return
    for row in rows:
        output.console().print(_explained(row))


def as_row(known: KnownRule) -> dict[str, Any]:
    """Return what `list --json` shows of a rule: a documented interface."""
    return {
        "id": known.id,
        **_members(known.rule),
        "created": known.created,
        "modified": known.modified,
    }


def as_step_row(step: Step) -> dict[str, Any]:
    """Return what `plan --json` and `apply --json` show of a rule: a documented interface."""
    return {
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
    absent = dict.fromkeys(("name", "description", "senders", "recipients", "action", "bounceMessage", "lambda"))
    return absent | rule.members()


@dataclass(frozen=True, slots=True)
class Api:
    """The API's client, the organization that is meant, and what the ARNs of its account's functions begin with."""

    workmail: Any
    organization_id: str
    functions: str

    @property
    def named(self) -> dict[str, str]:
        """The organization, as every operation takes it."""
        return {"OrganizationId": self.organization_id}

    def localized(self, rules: Sequence[WrittenRule]) -> list[WrittenRule]:
        """Return a file's rules with functions of the account by their names, so that either way says the same."""
        return [
            replace(rule, call=replace(rule.call, function=self._name(rule.call.function))) if rule.call else rule
            for rule in rules
        ]

    def call(self, action: dict[str, Any]) -> WrittenCall | None:
        """Return the call of an action of the API, as a file has it."""
        found = action.get("Lambda")
        if found is None:
            return None
        return WrittenCall(
            function=self._name(found["FunctionArn"]),
            synchronous=found["Synchronous"],
            fallback=found.get("FallbackAction", ""),
            timeout_minutes=found.get("RuleTimeoutMinutes"),
        )

    def said(self, call: WrittenCall) -> dict[str, Any]:
        """Return a call as the API takes it."""
        arn = call.function if call.function.startswith("arn:") else self.functions + call.function
        members = {"FunctionArn": arn, "Synchronous": call.synchronous}
        if call.synchronous:
            members |= {"FallbackAction": call.fallback, "RuleTimeoutMinutes": call.timeout_minutes}
        return members

    def _name(self, function: str) -> str:
        return function.removeprefix(self.functions)


def _api(organization: str | None) -> Api:
    """Return the API for the organization that is meant.

    Raises:
        RefusedError: there is no such organization, or none at all.
        UsageError: there are several, and none was named.
    """
    workmail = running.workmail()
    pages = workmail.get_paginator("list_organizations").paginate()
    active = [each for page in pages for each in page["OrganizationSummaries"] if each["State"] == "Active"]
    if organization is not None:
        meant = [
            each for each in active if organization.lower() in (each["Alias"].lower(), each["OrganizationId"].lower())
        ]
        if not meant:
            raise RefusedError(f"no organization {organization}")
        return _api_of(workmail, meant[0]["OrganizationId"])
    if not active:
        raise RefusedError("there is no organization")
    if len(active) > 1:
        names = ", ".join(sorted(each["Alias"] for each in active))
        raise UsageError(f"say which --organization: {names}")
    return _api_of(workmail, active[0]["OrganizationId"])


def _api_of(workmail: Any, organization_id: str) -> Api:
    # arn:<partition>:workmail:<region>:<account>:organization/<id>
    arn = workmail.describe_organization(OrganizationId=organization_id)["ARN"]
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Api(workmail, organization_id, f"arn:{partition}:lambda:{region}:{account}:function:")


def _known(api: Api) -> list[KnownRule]:
    """Return the rules of an organization by name."""
    pages = api.workmail.get_paginator("list_inbound_mail_flow_rules").paginate(**api.named)
    found = [
        KnownRule(
            id=rule["RuleId"],
            rule=WrittenRule(
                name=rule["Name"],
                description=rule.get("Description", ""),
                senders=tuple(rule["SenderPatterns"]),
                recipients=tuple(rule["RecipientPatterns"]),
                action=rule["Action"]["Type"],
                bounce_message=rule["Action"].get("BounceMessage", ""),
                call=api.call(rule["Action"]),
            ),
            created=_when(rule["DateCreated"]),
            modified=_when(rule["DateModified"]),
        )
        for page in pages
        for rule in page["Rules"]
    ]
    return sorted(found, key=lambda each: (each.rule.key, each.rule.name))


def _when(date: datetime) -> str:
    return output.rfc3339(round(date.timestamp() * 1000))


def _make(api: Api, step: Step) -> None:
    """Make one step; an unchanged rule costs no call."""
    match step:
        case Step(change=Change.CREATE, wanted=WrittenRule() as wanted):
            api.workmail.create_inbound_mail_flow_rule(**api.named, **_said(wanted, api))
        case Step(change=Change.CHANGE, known=KnownRule() as known, wanted=WrittenRule() as wanted):
            api.workmail.update_inbound_mail_flow_rule(**api.named, RuleId=known.id, **_said(wanted, api))
        case Step(change=Change.DELETE, known=KnownRule() as known):
            api.workmail.delete_inbound_mail_flow_rule(**api.named, RuleId=known.id)
        case _:
            return
    step.done = True


def _said(rule: WrittenRule, api: Api) -> dict[str, Any]:
    """Return a rule as the API takes it."""
    action: dict[str, Any] = {"Type": rule.action}
    if rule.bounce_message:
        action["BounceMessage"] = rule.bounce_message
    if rule.call is not None:
        action["Lambda"] = api.said(rule.call)
    said = {"Name": rule.name, "SenderPatterns": rule.senders, "RecipientPatterns": rule.recipients, "Action": action}
    return said | ({"Description": rule.description} if rule.description else {})


def _show(steps: Sequence[Step], *, as_json: bool) -> None:
    if as_json:
        output.print_json(map(as_step_row, steps))
        return
    text = Text()
    for step in steps:
        sign, style = STYLE[step.change]
        if step.change is not Change.UNCHANGED:
            text.append(f"{sign} {step.change} {step.name!r}", style=style)
            text.append(f"{_what(step)}\n")
        for warning in step.warnings:
            text.append(f"! {step.name!r} {warning}\n", style="yellow")
    counts = [f"{sum(step.change is change for step in steps)} {word}" for change, word in COUNTED.items()]
    text.append(", ".join(counts))
    output.console().print(text)


COUNTED: Final = {
    Change.CREATE: "to create",
    Change.CHANGE: "to change",
    Change.DELETE: "to delete",
    Change.UNCHANGED: "unchanged",
}


def _what(step: Step) -> str:
    """Return what a step is about: a whole rule, or the members that change, a line each."""
    if step.change is Change.CHANGE:
        return "".join(f"\n    {name}: {_value(before)} → {_value(after)}" for name, before, after in differences(step))
    rule = step.wanted or step.before
    return f": {_action(rule)}, {', '.join(rule.senders)} → {', '.join(rule.recipients)}" if rule else ""


def _value(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else value or "-"


def _action(rule: WrittenRule) -> str:
    more = rule.bounce_message or rule.call
    return f"{rule.action} ({more})" if more else rule.action


def _explained(row: dict[str, Any]) -> Text:
    """Return one recipient's answer for people."""
    text = Text.assemble((row["recipient"], "bold"), ": ", (row["action"], "cyan"))
    if row["lambda"] is not None:
        text.append(f" {row['lambda']['function']}")
    if row["rule"] is not None:
        text.append(f" by rule {row['rule']!r}")
    text.append(f"\n    {row['reason']}")
    for match in row["matched"]:
        sign = "→" if match["ruleId"] == row["ruleId"] else " "
        patterns = f"{match['senderPattern']} → {match['recipientPattern']}"
        text.append(f"\n  {sign} {match['rule']!r}: {match['action']}, matches {patterns}")
    return text
