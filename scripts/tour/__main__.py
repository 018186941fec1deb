"""`scripts/demo`: walk the tour; exit 0 only if every step held."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.progress import Progress, TaskID

from cli import output, running
from cli.errors import CommandError
from cli.repository import repository_root
from tour import mail, reply, take_out
from tour.audit import Audit
from tour.booking import Booking
from tour.stack import expect, show, started
from tour.tour import Tour

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


def _step(console: Console, what: str, run: Callable[[], str]) -> None:
    show(console, what, run())


def _watched(console: Console, what: str, total: int, run: Callable[[Callable[[], None]], str]) -> None:
    """Run a step with a live bar where a person watches, else with a line now and then."""
    if console.is_terminal:
        with Progress(console=console, transient=True) as bars:
            bar: TaskID = bars.add_task(what, total=total)
            said = run(lambda: bars.advance(bar))
    else:
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if done % max(1, total // 4) == 0:
                console.print(f"  {what}: {done} of {total}", markup=False)

        said = run(advance)
    show(console, what, said)


def main() -> int:
    """Walk the tour; return the exit status."""
    console = output.console()
    began = time.monotonic()
    try:
        with running.refusals(), started(console) as stack:
            tour = Tour(console, stack, stack.operator())
            audit = Audit(tour)
            messages = mail.messages(repository_root().parent / "shared" / "data" / "mail")
            expect("there are enough messages", len(messages) >= mail.MESSAGES, True)
            copies = sum(len(message.kind.copies) for message in messages)
            _step(console, "an organization, made with boto3", tour.make_organization)
            _step(console, "inbound rules, made with boto3", tour.make_rules)
            _step(console, "audit records, to a log group", audit.configure)
            _watched(console, "sent over SMTP", len(messages), lambda advance: tour.send(messages, advance))
            _watched(console, "messages with all their results", len(messages), tour.wait)
            _step(console, "each result is the right one", tour.judge)
            _step(console, "the trace of one message", lambda: tour.show_trace(tagged=False))
            _step(console, "the trace of one that a function changed", lambda: tour.show_trace(tagged=True))
            _watched(console, "copies with the right bytes", copies, tour.compare_bytes)
            _step(console, "the event log", tour.read_event_log)
            _step(console, "audited deliveries", audit.show_delivery)
            _step(console, "a reply, and its trace", lambda: reply.send(tour))
            _step(console, "a calendar, imported", tour.import_calendar)
            _step(console, "one room, two requests", Booking(tour).book)
            _step(console, "free/busy, asked with exchangelib", tour.ask_free_busy)
            _step(console, "a login, denied and audited", audit.deny_login)
            _step(console, "a mailbox, exported with boto3", lambda: take_out.export(tour))
    except CommandError as error:
        output.console(errors=True).print(f"demo: {error}", style="red", markup=False)
        output.console(errors=True).print("demo: what the functions said is in .postroom/logs", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    show(console, "every step held", f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
