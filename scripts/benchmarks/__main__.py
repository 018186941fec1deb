"""`scripts/bench [NAME]`: measure what has a budget, all or by the names of ``ALONE``, and print a table.

The exit status is 1 if a budget is broken.

Ratios are within one run, so that the machine's speed does not matter; counts are exact. docs/performance.md explains.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from benchmarks import (
    access,
    audit,
    availability,
    bill,
    busy,
    commands,
    core,
    expansion,
    export_bill,
    export_memory,
    exports,
    idle,
    imports,
    outbound,
    outbound_memory,
    prices,
    startup,
    sweeping,
    waiting,
)
from cli.output import console, table
from tests.support.in_process import deployed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from benchmarks.bill import Bill

T = TypeVar("T")

MOST_USERS: Final = 10_000
MOST_PATTERNS: Final = 1_000
BUDGET_DOLLARS: Final = 14.82
BUDGET_FEW: Final = 0.6
BUDGET_MANY: Final = 5.0
BUDGET_MATCHING: Final = 2.0
BUDGET_LONG: Final = 10.0
BUDGET_CALLING: Final = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    what: str
    figure: float
    budget: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the figure is within its budget."""
        return self.figure <= self.budget


def decision() -> Iterator[Result]:
    """Measure the decision core."""
    found = core.measure()
    yield Result("decision, 3 recipients, 1,000 patterns", found.few, BUDGET_FEW, "of a full parse")
    yield Result("decision, 500 recipients, 1,000 patterns", found.many, BUDGET_MANY, "of a full parse")
    yield Result("decision, header block of 1 MB", found.long, BUDGET_LONG, "times with 3 KB, same size")
    yield Result("matching, 1,000 patterns", found.matching, BUDGET_MATCHING, "times with 10 patterns")


def access_decision() -> Iterator[Result]:
    """Measure the decision about one access of a mail client."""
    found = access.measure()
    yield Result("access decision, 1,000 rules", found.loads, access.BUDGET_LOADS, "of json.loads, 2 KB")
    yield Result("… 1,000 rules", found.rules, access.BUDGET_RULES, "times with 10 rules")


def audit_records() -> Iterator[Result]:
    """Count what audit records cost in a log group, a bucket and a stream."""
    found = audit.measure()
    for name, calls in found.calls.items():
        yield Result(f"100 audit records, a {name}", calls, audit.BUDGET_CALLS, "calls of AWS")
    yield Result("… memory of the last of ten batches", found.memory, audit.BUDGET_MEMORY, "times that of the first")
    yield Result("… a million audited deliveries", found.dollars, audit.BUDGET_DOLLARS, "dollars more")


def idle_stack() -> tuple[list[Result], idle.Idle]:
    """Count what a stack without mail costs, and the metrics of many organizations."""
    found, more = idle.measure(), idle.metrics_of_organizations()
    organizations = f"… metrics of {idle.ORGANIZATIONS:,} organizations"
    return [
        Result("a month without mail: pollers, alarms, key", found.budgeted, idle.BUDGET, "dollars"),
        Result(organizations, more, idle.BUDGET_ORGANIZATIONS, "dollars more"),
    ], found


def swept() -> Iterator[Result]:
    """Count what the sweep reads for a stored message."""
    found, what = sweeping.measure(), f"sweep, {sweeping.ORGANIZATIONS:,} organizations, reads of a stored message"
    yield Result(what, found.times, sweeping.BUDGET, "times with one organization")
    yield Result("… in its whole life", found.many[prices.Unit.DYNAMODB_READ], sweeping.BUDGET_UNITS, "read units")
    yield Result("… a million messages", found.dollars, sweeping.BUDGET_DOLLARS, "dollars")


def calendars() -> Iterator[Result]:
    """Measure free/busy information of mailboxes of the organization."""
    found = availability.measure()
    most = availability.BUDGET_HISTORY
    yield Result(
        "free/busy, 100 mailboxes, 5,000 events", found.time, availability.BUDGET_TIME, "of parsing their text"
    )
    yield Result("… DynamoDB's calls", found.calls, availability.BUDGET_CALLS, "per mailbox")
    yield Result("… ten years of history", found.history, most, "times with one year")
    yield Result("… ten years of history, rows read", found.history_rows, most, "times with one year")
    entries = expansion.measure()
    yield Result("5,000 events, entries alone", entries.events, expansion.BUDGET, "of parsing their text")
    yield Result("… series of ten years", entries.decade, expansion.BUDGET_HISTORY, "times series of one year")
    yield Result("… series of thirty years", entries.generation, expansion.BUDGET_HISTORY, "times series of one year")


def exported() -> Iterator[Result]:
    """Measure how a mailbox is packed and sealed, and imported again; beside zip and unzip, if they are installed."""
    if exports.has_zip():
        small, large = exports.measure(exports.text_message), exports.measure(exports.attachment_message)
        mib = f"{small.speed:.0f} MiB/s", f"{large.speed:.0f} MiB/s"
        yield Result(f"export, messages of 25 KB, {mib[0]}", small.time, exports.BUDGET_SMALL, "of zip's time")
        yield Result("… size of the archive", small.size, exports.BUDGET_SMALL_SIZE, "of zip's")
        yield Result(f"export, messages of 5 MB, {mib[1]}", large.time, exports.BUDGET_LARGE, "of zip's time")
        yield Result("… size of the archive", large.size, exports.BUDGET_LARGE_SIZE, "of zip's")
    else:
        console(errors=True).print("SKIPPED: exports beside zip, which is not installed (on Debian: apt install zip)")
    yield Result("export, two packers", exports.measure_two(), exports.BUDGET_TWO, "of one packer's time")
    if imports.has_unzip():
        for size, make in (("25 KB", exports.text_message), ("5 MB", exports.attachment_message)):
            yield Result(f"import, messages of {size}", imports.measure(make), imports.BUDGET, "of unzip's time")
    else:
        console(errors=True).print(
            "SKIPPED: imports beside unzip, which is not installed (on Debian: apt install unzip)"
        )


def memory_of_exports() -> Iterator[Result]:
    """Measure what the functions hold; not among the budgets that are always measured, as it takes minutes."""
    if not export_memory.can_measure():
        console(errors=True).print("SKIPPED: memory of exports, which is measured on Linux only")
        return
    for name, (total, size) in export_memory.MAILBOXES.items():
        for function, megabytes in export_memory.measure(total, size).items():
            yield Result(f"{function}, {name}: memory", megabytes, export_memory.BUDGET, "MB")


def sent() -> tuple[list[Result], list[tuple[str, outbound.OutboundBill]]]:
    """Count what a message to one recipient outside costs, on the average of a user's day."""
    plain, journaled = outbound.count(), outbound.count(journaled=True)
    more = journaled.dollars - plain.dollars
    return [
        Result("a million messages sent, without SES's fee", plain.dollars, outbound.BUDGET, "dollars"),
        Result("… each of them journaled", more, outbound.BUDGET_JOURNALED, "dollars more"),
    ], [("sent", plain), ("sent and journaled", journaled)]


def memory_of_transmit() -> Iterator[Result]:
    """Measure what transmit holds; not among the budgets that are always measured, as exports' is not."""
    if not export_memory.can_measure():
        console(errors=True).print("SKIPPED: memory of transmit, which is measured on Linux only")
        return
    for name, found in outbound_memory.measure().items():
        yield Result(f"transmit, 40 MB, {name}: memory", found, outbound_memory.BUDGET, "MB")


def exports_on_aws() -> tuple[list[Result], list[tuple[str, export_bill.Mailbox]]]:
    """Count the calls of exports, and compute those of a full mailbox by the size of its messages."""
    counted = export_bill.measure()
    found = [(name, counted.of(export_bill.SIZE // size, export_bill.SIZE)) for name, size in export_bill.SIZES.items()]
    calls = found[0][1].counts.requests / found[0][1].messages
    return [Result("export, messages of 25 KB: calls of AWS", calls, export_bill.BUDGET, "per message")], found


def costs() -> tuple[list[Result], Bill, list[tuple[str, Bill]]]:
    """Count what a message costs: small, large, and in the cases that add to it."""
    small = bill.count(users=10, patterns=1)
    more_rules = bill.count(users=10, patterns=MOST_PATTERNS)
    more_users = bill.count(users=MOST_USERS, patterns=1)
    called = bill.count(users=10, patterns=1, calling=True)
    more_calls = float(sum(called.ours().values()) - sum(small.ours().values()))
    results = [
        Result("a million messages, 10 users, 1 pattern", small.dollars, BUDGET_DOLLARS, "dollars"),
        Result("… 1,000 patterns", more_rules.dollars, small.dollars, "dollars, the same"),
        Result(f"… {MOST_USERS:,} users", more_users.dollars, small.dollars, "dollars, the same"),
        Result("a rule that calls a function", more_calls, BUDGET_CALLING, "calls more, beside the function's"),
    ]
    cases = [
        ("a rule decides about it", bill.count(users=10, patterns=1, matching=True)),
        ("a rule calls a function about it", called),
        ("a rule on the event bus matches", bill.count(users=10, patterns=1, listener=True)),
    ]
    return results, small, cases


def busy_mailbox() -> Iterator[Result]:
    """Measure how a mailbox takes 1,000 orders from 8 workers, beside the build that delivered each by itself."""
    for place, found in busy.measure():
        name = f"1,000 orders for one mailbox, {place}, {found.now['rate']:.0f} per second"
        if found.time is not None:
            yield Result(name, found.time, busy.BUDGET_TIME, "of the time of one transaction per message")
        else:
            console(errors=True).print(f"SKIPPED: {place}: the build before, which this copy of git does not have")
        yield Result("… longest wait", found.longest, busy.BUDGET_LONGEST, "medians")
        yield Result("… parked, or waiting for six minutes", found.left, 0, "orders")


def starts() -> Iterator[Result]:
    """Measure every handler's import."""
    with deployed() as stack:
        functions = stack.project.functions
    for found in startup.measure(functions):
        budget = startup.BUDGETS.get(found.function, startup.BUDGET)
        yield Result(f"import {found.function}", found.ratio, budget, "times boto3 and one client")


def command_line() -> Iterator[Result]:
    """Measure commands on a stack of their own; afterwards this process's environment names that stack."""
    for found in commands.measure(console(errors=True)):
        yield Result(found.name, found.ratio, found.budget, "times boto3 and one client")


def main(arguments: Sequence[str]) -> int:
    """Print everything, or what is asked for alone; return the exit status."""
    match arguments:
        case []:
            return budgets()
        case [name] if name in ALONE:
            return ALONE[name]()
        case _:
            console(errors=True).print(f"usage: bench [{'|'.join(ALONE)}]", markup=False)
            return 2


def budgets() -> int:
    """Print what costs and takes time by itself; return the exit status."""
    progress = console(errors=True)
    progress.print("imports, in fresh interpreters …")
    results = list(starts())
    progress.print("the decision core …")
    results = [*decision(), *results]
    access_results = list(access_decision())
    progress.print("calendars of 100 mailboxes …")
    calendar_results = list(calendars())
    progress.print(f"calls of AWS, with up to {MOST_USERS:,} users; a minute or two …")
    counted, small, cases = costs()
    sent_results, bills = sent()
    progress.print("audit records in three destinations …")
    audit_results = list(audit_records())
    progress.print("exports of mailboxes; two minutes …")
    export_results = list(exported())
    export_calls, mailboxes = exports_on_aws()
    progress.print("a busy mailbox, beside the build before …")
    busy_results = list(busy_mailbox())
    idle_results, stack = idle_stack()
    export_calls = [*export_calls, *swept()]
    progress.print("commands, on a stack of their own …")
    results = [*results[:4], *counted, *sent_results, *results[4:], *command_line()]
    results += [*idle_results, *access_results, *audit_results, *calendar_results, *export_results, *export_calls]
    results += busy_results

    def more() -> None:
        _explain(small, cases)
        _explain_sent(bills)
        _explain_idle(stack)
        _explain_exports(mailboxes)

    return show(results, more)


def show(found: Iterable[Result], more: Callable[[], None] = lambda: None) -> int:
    """Print what was found, and more; return the exit status."""
    results = list(found)
    rows = [(r.what, f"{r.figure:.2f}", f"{r.budget:.2f}", r.unit, "ok" if r.holds else "BROKEN") for r in results]
    columns = ["what", "result", "at most", "unit", ""]
    console().print(table(columns, rows, title="Budgets", right=("result", "at most")))
    more()
    broken = [result.what for result in results if not result.holds]
    if broken:
        console(errors=True).print(f"broken: {'; '.join(broken)}")
    return 1 if broken else 0


def _explained(found: tuple[list[Result], T], explain: Callable[[T], None]) -> int:
    results, what = found
    return show(results, lambda: explain(what))


def _explain_exports(mailboxes: Sequence[tuple[str, export_bill.Mailbox]]) -> None:
    """Show what a full mailbox takes, by the size of its messages."""
    rows: list[tuple[str, ...]] = []
    for name, found in mailboxes:
        price = found.dollars()
        time = price[prices.Unit.LAMBDA_TIME] + price[prices.Unit.LAMBDA_REQUEST]
        sizes = f"{found.messages:,}", f"{found.runs}", f"{found.counts.requests:,.0f}"
        seconds = (f"{found.seconds[f'{station}ExportFunction']:,.0f}" for station in ("Plan", "Pack", "Seal"))
        costs = f"{price[prices.Unit.S3_GET]:.2f}", f"{time:.2f}", f"{sum(price.values()):.2f}"
        rows.append((name, *sizes, *seconds, f"{found.minutes(export_bill.PACKERS):.0f}", *costs))
    columns = ["of messages of", "messages", "runs", "calls", "s of plan", "pack", "seal", "minutes"]
    columns += ["$ of GETs", "$ of Lambda", "$ in all"]
    title = f"Export of 50 GB, {export_bill.PACKERS} packers; the seconds are computed"
    console().print(table(columns, rows, title=title, right=columns[1:]))


def _explain_idle(stack: idle.Idle) -> None:
    """Show what a stack without mail takes in a month."""
    rows = [
        (unit.value, f"{count:,.0f}", f"{idle.FREE.get(unit, 0):,}", f"{prices.dollars(unit, count):.2f}")
        for unit, count in stack.units.items()
    ]
    title = f"\nA month without mail: ${stack.dollars:.2f}, ${stack.list_price:.2f} by the list"
    columns = ["unit", "count", "of these free", "dollars by the list"]
    console().print(table(columns, rows, title=title, right=columns[1:]))
    small = idle.measure(idle.SMALL_QUOTA)
    quota = f"With AccountConcurrency {idle.SMALL_QUOTA} instead of {idle.QUOTA} or more"
    console().print(
        f"{quota}: ${small.budgeted:.2f}, ${small.dollars:.2f} with both keys, ${small.list_price:.2f} by the list"
    )


def _explain_sent(bills: Sequence[tuple[str, outbound.OutboundBill]]) -> None:
    """Show what a sent message takes, by function and unit."""
    for name, found in bills:
        rows = [(unit.value, f"{count:.4g}") for unit, count in found.by_unit().items()]
        rows += [(f"dollars of {function}", f"{dollars:.2f}") for function, dollars in found.by_function().items()]
        title = f"\nA message that is {name}, on the average of {outbound.DAY} in a day"
        console().print(table(["unit", "count"], rows, title=title, right=("count",)))


def _explain(small: Bill, cases: list[tuple[str, Bill]]) -> None:
    out = console()
    units = [
        (unit.value, f"{count:.4g}", f"{prices.dollars(unit, count * bill.MILLION):.2f}", prices.PRICES[unit].source)
        for unit, count in small.by_unit().items()
    ]
    title = f"\nOne message, and a million in dollars ({prices.REGION}, {prices.TAKEN})"
    out.print(table(["unit", "count", "dollars", "price"], units, title=title, right=("count", "dollars")))
    functions = [(name, f"{dollars:.2f}") for name, dollars in small.by_function().items()]
    out.print(table(["by function", "dollars"], functions, title="\nThe same by function", right=("dollars",)))
    beside = [(what, f"{dollars:.2f}") for what, dollars in small.beside().items()]
    beside += [(f"the whole bill where {what}", f"{case.dollars:.2f}") for what, case in cases]
    out.print(table(["beside the budget", "dollars"], beside, title="\nNot part of it", right=("dollars",)))


ALONE: Final[Mapping[str, Callable[[], int]]] = {
    "access": lambda: show(access_decision()),
    "audit": lambda: show(audit_records()),
    "busy": lambda: show(busy_mailbox()),
    "commands": lambda: show(command_line()),
    "calendars": lambda: show(calendars()),
    "export-bill": lambda: _explained(exports_on_aws(), _explain_exports),
    "export-memory": lambda: show(memory_of_exports()),
    "exports": lambda: show(exported()),
    "idle": lambda: _explained(idle_stack(), _explain_idle),
    "outbound": lambda: _explained(sent(), _explain_sent),
    "outbound-memory": lambda: show(memory_of_transmit()),
    "sweep": lambda: show(swept()),
    "waiting": waiting.main,
}
"""What can be measured alone."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
