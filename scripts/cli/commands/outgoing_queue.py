"""`postroom queue`: mail that waits to leave, with the last answer and the next attempt; and that attempt now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import organizations, output, running
from cli.errors import RefusedError, UsageError
from postroom.model.wildcards import like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.text import Text

    from cli.running import Stack
    from postroom.model.records import SmtpGateway
    from postroom.outbound.waiting import OutgoingQueue, Waiting
    from postroom.ports.directory import Directory
    from postroom.ports.transmission_scans import OpenTransmission

app = typer.Typer(help="List mail that waits to leave, and have it tried now.", no_args_is_help=True)

NOTHING: Final = "nothing waits to leave"

BUSY: Final = "an attempt runs, or has ended just now"

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]
Organization = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only of this organization: its alias or id.", show_default=False)
]
Gateway = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only by this SMTP gateway: its name or id.", show_default=False)
]
Recipient = Annotated[
    str | None,
    typer.Option(metavar="PATTERN", help="Only to an address or domain; * and ? are wildcards.", show_default=False),
]


@app.command("list")
def list_(
    organization: Organization = None, gateway: Gateway = None, recipient: Recipient = None, as_json: AsJson = False
) -> None:
    """List messages that wait to leave, oldest first.

    Each with its way, its last answer, the next attempt, and until when it is tried.
    """
    with running.refusals():
        chosen = _Chosen.of(running.find(), organization, gateway, recipient)
        if as_json:
            output.print_json(as_row(each, chosen.names, chosen.queue) for each in chosen)
            return
        console, number, size = output.console(), 0, 0
        for each in chosen:
            console.print(as_text(each, chosen.names, chosen.queue), soft_wrap=True)
            number, size = number + 1, size + each.order.size
    console.print(f"{number} in the queue, {output.human_size(size)}" if number else chosen.nothing(), markup=False)


@app.command("retry")
def retry(
    traces: Annotated[
        list[str] | None, typer.Argument(metavar="TRACE", help="Trace ids that `list` shows.", show_default=False)
    ] = None,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What waits for this SMTP gateway: its name or id.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that waits.")] = False,
    organization: Organization = None,
) -> None:
    """Have messages that wait tried now.

    For example, after a gateway was corrected. A message of which an attempt runs is left to that. The end of all
    attempts stays as it is.
    """
    if (bool(traces), gateway is not None, everything).count(True) != 1 or (traces and organization):
        raise UsageError("give trace ids, --gateway NAME or --all; --organization goes with the last two")
    with running.refusals():
        stack = running.find()
        if traces:
            queue = stack.operator().outgoing_queue
            busy = _retried(queue, _of_flows(queue, traces), NOTHING)
        else:
            chosen = _Chosen.of(stack, organization, gateway, None)
            busy = _retried(chosen.queue, chosen, chosen.nothing())
    if traces and busy:
        raise RefusedError(f"{', '.join(busy)}: {BUSY}")


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of organizations and gateways; each is read once."""

    alias: Callable[[str], str]
    gateway: Callable[[str, str], SmtpGateway | None]

    @classmethod
    def of(cls, records: Directory) -> _Names:
        def alias(organization_id: str) -> str:
            found = records.organization(organization_id)
            return "" if found is None else found.alias

        return cls(cache(alias), cache(records.gateway))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What waits and is meant; it is read when it is iterated over."""

    queue: OutgoingQueue
    names: _Names
    organization_id: str
    gateway: str | None
    recipient: str | None

    @classmethod
    def of(cls, stack: Stack, organization: str | None, gateway: str | None, recipient: str | None) -> _Chosen:
        """Find the organization.

        Raises:
            RefusedError: there is none of this name.
        """
        operator = stack.operator()
        names = _Names.of(operator.records)
        found = "" if organization is None else organizations.find(stack.client("workmail"), organization)
        if found and not names.alias(found):
            raise RefusedError(f"no organization {organization}")
        return cls(operator.outgoing_queue, names, found, gateway, recipient)

    def __iter__(self) -> Iterator[Waiting]:
        for each in self.queue.every(self.organization_id, self._may_be_meant):
            if self._has_recipient(each.recipients):
                yield each

    def nothing(self) -> str:
        """Return what is said if nothing is chosen; it repeats the choice, which may be a misspelt name."""
        given = [f"--gateway {self.gateway}"] if self.gateway is not None else []
        given += [f"--recipient {self.recipient}"] if self.recipient is not None else []
        return f"{NOTHING}: {' '.join(given)}" if given else NOTHING

    def _may_be_meant(self, found: OpenTransmission) -> bool:
        from postroom.outbound.waiting import gateway_of

        if self.gateway is not None:
            gateway_id = gateway_of(found)
            record = self.names.gateway(found.order.organization_id, gateway_id) if gateway_id else None
            names = {gateway_id} if record is None else {gateway_id, record.name.lower()}
            if not gateway_id or not names & {self.gateway, self.gateway.lower()}:
                return False
        return self._has_recipient(found.order.ends)

    def _has_recipient(self, recipients: Iterable[str]) -> bool:
        if self.recipient is None:
            return True
        wanted = self.recipient.lower()
        return any(like(each.lower() if "@" in wanted else _domain(each), wanted) for each in recipients)


def as_row(waiting: Waiting, names: _Names, queue: OutgoingQueue) -> dict[str, Any]:
    """Return what `--json` shows: a documented interface. Times are RFC 3339, UTC."""
    from postroom.contracts.journal_orders import JournalOrder

    order, last = waiting.order, waiting.last
    gateway = names.gateway(order.organization_id, waiting.gateway_id) if waiting.gateway_id else None
    report = order if isinstance(order, JournalOrder) else None
    return {
        "traceId": order.trace,
        "what": "message" if report is None else "journal notice" if report.failure else "journal report",
        "organizationId": order.organization_id,
        "organization": names.alias(order.organization_id),
        "since": output.rfc3339(order.since),
        "size": order.size,
        "envelopeFrom": "" if report else order.envelope_from,
        "recipients": list(waiting.recipients),
        "gatewayId": waiting.gateway_id,
        "gateway": gateway.name if gateway else "",
        "server": gateway.host if gateway else "",
        "attempts": waiting.open.attempts,
        "isRunning": waiting.runs,
        "lastAttempt": output.rfc3339(last.at) if last else None,
        "status": str(last.data.get("status", "")) if last else "",
        "reason": str(last.data.get("reason", "")) if last else "",
        "nextAttempt": None if waiting.runs else output.rfc3339(waiting.open.due_ms),
        "until": output.rfc3339(queue.until(waiting)),
    }


def as_text(waiting: Waiting, names: _Names, queue: OutgoingQueue) -> Text:
    """Return what people see: the message, its way and its times, the last answer, and the recipients that wait."""
    from rich.text import Text

    row = as_row(waiting, names, queue)
    what = "" if row["what"] == "message" else f"  [{row['what']}]"
    of = f"{row['organization'] or row['organizationId']}{what}"
    since, until = output.short_time(waiting.order.since), output.short_time(queue.until(waiting))
    text = Text.assemble((row["traceId"], "bold"))
    text.append(f"  {since}  {output.human_size(row['size'])}  {row['envelopeFrom'] or '<>'}  {of}\n")
    text.append(f"    {_way(row)}: {_attempts(waiting, queue.now())}, tried until {until}\n")
    if row["reason"]:
        text.append(f"    {row['reason']}\n", style="yellow")
    text.append(f"    {', '.join(row['recipients'])}")
    return text


def _way(row: dict[str, Any]) -> str:
    if not row["gatewayId"]:
        return "by SES"
    return f"by gateway {row['gateway']} ({row['server']})" if row["gateway"] else f"by gateway {row['gatewayId']}"


def _attempts(waiting: Waiting, now: int) -> str:
    number, wait_ms = waiting.open.attempts, waiting.open.due_ms - now
    if not number:
        return "not tried yet"
    if waiting.runs:
        return f"attempt {number} runs"
    following = f"next in {output.duration(wait_ms)}" if wait_ms > 0 else "the next is due"
    return f"{number} {'attempt' if number == 1 else 'attempts'}, {following}"


def _of_flows(queue: OutgoingQueue, traces: Sequence[str]) -> list[Waiting]:
    """Return what waits of flows.

    Raises:
        RefusedError: nothing of one of them waits.
    """
    from cli.commands.trace import meant

    found = {trace: [each for name in meant(trace) for each in queue.of_flow(name)] for trace in dict.fromkeys(traces)}
    if unknown := [trace for trace, waiting in found.items() if not waiting]:
        raise RefusedError(f"nothing of {', '.join(unknown)} waits to leave")
    return [each for waiting in found.values() for each in waiting]


def _retried(queue: OutgoingQueue, chosen: Iterable[Waiting], nothing: str) -> list[str]:
    """Retry; say what became of each order, and return the traces of those that were left to an attempt."""
    from postroom.outbound.waiting import Retried

    said = {Retried.SENT: "tried now", Retried.FIRST: "its first attempt comes by itself", Retried.LEFT: BUSY}
    console, busy, is_empty = output.console(), list[str](), True
    for each, became in queue.retry(chosen):
        console.print(f"{each.order.trace}: {said[became]}", markup=False)
        busy += [each.order.trace] if became is Retried.LEFT else []
        is_empty = False
    if is_empty:
        console.print(nothing, markup=False)
    return busy


def _domain(recipient: str) -> str:
    return recipient.rpartition("@")[2].lower()
