"""`postroom audit`: audit records as the destinations of organizations have them, and their verification."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import output, periods, running
from cli.errors import RefusedError, UsageError
from cli.repository import ORGANIZATION_ID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cli.audit_reader import AuditRow, Source
    from cli.running import Stack
    from postroom.bootstrap.operator import Operator
    from postroom.digests.verify import VerifiedChain

app = typer.Typer(
    help="Audit records: follow them, search them, verify that they are as written.", no_args_is_help=True
)

Organization = Annotated[
    str | None, typer.Option("--organization", metavar="ORG", help="Id or alias; all organizations without it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]

Users = Annotated[
    list[str] | None,
    typer.Option("--user", metavar="USER", help="Address, name or id: who acted, or whose mailbox it is."),
]
Actions = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="ACTION", help="read, create …; authenticate, evaluate_access, ask_provider."),
]

POLL_SECONDS: Final = 2.0
"""How often `follow` looks. Ours: a bucket has to be listed each time."""

SINCE_VERIFY: Final = "A time, or 30m, 2h, 7d ago: what ended before may have been removed."


@app.command("verify")
def verify(
    organization: Organization = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_VERIFY)] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="PEM of a key that signed before the stack's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify audit records in buckets.

    Checked are the digests, their chain and signatures, and every object that they list.

    The exit status is 1 if anything is not as it was written. Hours without a digest are open, and said to be open.
    """
    keys = [_der(path) for path in public_key or ()]
    since_ms = periods.since_ms(since) if since else 0
    with running.refusals():
        operator = running.find().operator()
        chosen = organization_id(operator, organization) if organization else ""
        found = list(operator.verification(keys, since_ms).run(chosen))
    if as_json:
        output.print_json(map(_row, found))
    else:
        _show(found)
    if not found:
        raise RefusedError("nothing to verify: no audit record was written to a bucket yet")
    if count := sum(len(each.findings) for each in found):
        raise RefusedError(f"{count} {'finding' if count == 1 else 'findings'}: not everything is as it was written")


@app.command("search")
def search(
    user: Users = None,
    action: Actions = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="A time, or 30m, 2h, 7d ago.")] = "24h",
    organization: Organization = None,
    as_json: AsJson = False,
) -> None:
    """Show audit records, oldest first.

    They come from the destinations of their organizations. Log groups are read first; a log type without one is read
    from its bucket.
    """
    with running.refusals():
        found = _Reading(running.find(), organization, periods.since_ms(since), user or (), action or ()).new()
        rows = sorted(found, key=lambda row: row.at_ms or 0)
    if as_json:
        output.print_json(map(_record_row, rows))
        return
    for row in rows:
        _print(row)


@app.command("follow")
def follow(
    user: Users = None,
    action: Actions = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="A time, or 30m, 2h, 7d ago.")] = "10m",
    organization: Organization = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show audit records as they come, until Ctrl-C."""
    with running.refusals():
        reading = _Reading(running.find(), organization, periods.since_ms(since), user or (), action or ())
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
        try:
            while True:
                for row in sorted(reading.new(), key=lambda row: row.at_ms or 0):
                    print(output.json_line(_record_row(row))) if as_json else _print(row)
                sys.stdout.flush()
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            return


class _Reading:
    """The records of the organizations that are asked for; each is given once."""

    def __init__(
        self, stack: Stack, organization: str | None, since_ms: int, users: Sequence[str], actions: Sequence[str]
    ) -> None:
        """Choose deliveries; say on stderr what cannot be read.

        Raises:
            RefusedError: no organization has a delivery that can be read.
            UsageError: no record has such an action.
        """
        from cli.log_tail import LogTail

        self._operator = stack.operator()
        self._tail = LogTail(stack.client("logs"), since_ms)
        self._since_ms = since_ms
        self._actions = _known_actions(actions)
        self._sources: list[Source] = []
        self._names: dict[str, Collection[str]] = {}
        for each in self._organizations(organization):
            self._names[each] = self._all_names(each, users)
            self._add(each)
        if not self._sources:
            raise RefusedError("nothing to read: no audit log goes to a log group or bucket (PutAuditLogDelivery)")

    def new(self) -> Iterator[AuditRow]:
        """Yield the records that are asked for and were not given before."""
        for source in self._sources:
            yield from filter(self._wanted, source.new())

    def _organizations(self, named: str | None) -> list[str]:
        from postroom.model.records import OrganizationState
        from postroom.ports.directory import every_item

        if named:
            return [organization_id(self._operator, named)]
        found = every_item(self._operator.records.organizations)
        return [each.id for each in found if each.state is OrganizationState.ACTIVE]

    def _all_names(self, organization: str, users: Sequence[str]) -> Collection[str]:
        """Return the names of users as they are given, and the ids of those that they name."""
        names = {each.casefold() for each in users}
        entities = self._operator.directory.resolve(organization, [each for each in names if "@" in each])
        named = (self._operator.records.entity_named(organization, each) for each in names)
        return names | {each.entity_id.casefold() for each in entities.values()} | {each.id for each in named if each}

    def _add(self, organization: str) -> None:
        from cli import audit_reader
        from postroom.bootstrap.clock import now_ms
        from postroom.model.audit_deliveries import DestinationKind, LogType

        chosen = audit_reader.choose(self._operator.audit_deliveries.of(organization))
        for why in dict.fromkeys(chosen.unread.values()):
            those = [log_type for log_type, reason in chosen.unread.items() if reason == why]
            these = "no audit record" if len(those) == len(LogType) else f"no record of {', '.join(those)}"
            print(f"{organization}: {these} is shown: {why}", file=sys.stderr)
        for each in chosen.deliveries:
            if each.kind is DestinationKind.CLOUDWATCH_LOGS:
                self._sources.append(audit_reader.LogGroup(organization, each, self._tail))
                continue
            objects, place = self._operator.audit_objects, self._operator.audit_place
            self._sources.append(audit_reader.Bucket(organization, each, objects, place, self._since_ms, now_ms))

    def _wanted(self, row: AuditRow) -> bool:
        if self._actions and row.action.casefold() not in self._actions:
            return False
        names = self._names[row.organization_id]
        said = (row.fields.get(name, "") for name in ("user_id", "user", "owner_id", "impersonator_id"))
        return not names or any(str(each).casefold() in names for each in said)


def _known_actions(actions: Sequence[str]) -> set[str]:
    """Return actions in lower case.

    Raises:
        UsageError: no record has such an action.
    """
    from cli.audit_reader import ACTIONS
    from postroom.contracts.audit_log import MailboxAction

    known = [*MailboxAction, *ACTIONS.values()]
    chosen = {each.casefold() for each in actions}
    if unknown := sorted(chosen.difference(known)):
        raise UsageError(f"no record has the action {', '.join(unknown)}; actions are {', '.join(known)}")
    return chosen


def _record_row(row: AuditRow) -> dict[str, Any]:
    """Return what `--json` shows of a record: a documented interface."""
    return {
        "timestamp": _time(row.at_ms),
        "organizationId": row.organization_id,
        "logType": row.log_type.value,
        "record": row.fields,
    }


def _print(row: AuditRow) -> None:
    from cli.audit_reader import text_of
    from postroom.model.text import one_line, visible

    outcome = {True: "yes", False: "NO", None: ""}[row.succeeded]
    print(one_line(visible(f"{_time(row.at_ms) or '-':<24} {row.action:<18} {outcome:<3} {text_of(row)}")))


def organization_id(operator: Operator, named: str) -> str:
    """Return the id of an organization that its id or alias names.

    Raises:
        RefusedError: there is none with this alias.
    """
    if ORGANIZATION_ID.fullmatch(named):
        return named
    found = operator.records.organization_with_alias(named.lower())
    if found is None:
        raise RefusedError(f"no organization has the alias {named}")
    return found.id


def _der(path: Path) -> bytes:
    """Read a public key as PEM.

    Raises:
        UsageError: the file cannot be read, or has none.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: no public key in PEM") from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _row(found: VerifiedChain) -> dict[str, Any]:
    """Return what `--json` shows of a chain: a documented interface."""
    from postroom.model.audit_findings import MEANINGS

    return {
        "organizationId": found.chain.organization_id,
        "bucket": found.chain.bucket,
        "prefix": found.chain.prefix,
        "digests": found.digests,
        "objects": found.objects,
        "records": found.records,
        "provedFrom": _time(found.first_ms),
        "provedTo": _time(found.last_ms),
        "openSince": _time(found.open_since_ms),
        "openObjects": found.opened,
        "unfinishedObjects": found.unfinished,
        "findings": [
            {"kind": each.kind.value, "key": each.key, "meaning": MEANINGS[each.kind], "detail": each.detail}
            for each in found.findings
        ],
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else output.rfc3339(at_ms)


def _show(chains: Sequence[VerifiedChain]) -> None:
    from postroom.model.text import visible

    for each in chains:
        print(visible(f"{each.chain.organization_id} at s3://{each.chain.bucket}/{each.chain.prefix}"))
        for line in _lines(each):
            print(visible(f"  {line}"))


def _lines(found: VerifiedChain) -> Sequence[str]:
    from postroom.model.audit_findings import MEANINGS, FindingKind

    refused = any(each.kind is FindingKind.BUCKET_REFUSES for each in found.findings)
    lines = [] if refused else _known(found)
    for each in found.findings:
        lines += [f"{each.kind.value}  {each.key}", f"         {MEANINGS[each.kind]}"]
        if each.detail:
            lines.append(f"         {each.detail}")
    if not found.findings:
        lines.append("all of it is as it was written")
    return lines


def _known(found: VerifiedChain) -> list[str]:
    """Say what is proved, what is open, and what may be missing."""
    lines = [_proved(found), "open     nothing: the chain rests until a delivery writes here again"]
    if found.open_since_ms is not None:
        since = output.rfc3339(found.open_since_ms)
        lines[1] = f"open     since {since}: {found.opened} objects that no digest lists yet"
    if found.unfinished:
        lines.append(f"missing  {found.unfinished} objects whose writer stopped; their records were written again")
    return lines


def _proved(found: VerifiedChain) -> str:
    if found.first_ms is None or found.last_ms is None:
        return "proved   nothing: there is no digest yet"
    hours = f"{output.rfc3339(found.first_ms)} to {output.rfc3339(found.last_ms)}"
    return f"proved   {hours}: {found.digests} digests, {found.objects} objects, {found.records} records"
