"""The stations of an export on memory ports: what is in the archive, and what ends a job without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.contracts.export_manifest import MANIFEST
from postroom.contracts.export_orders import destination_of, end_order
from postroom.errors import InvalidNotificationError, StoreUnavailableError
from postroom.model.facts import OwnFact
from postroom.model.folders import TITLE
from postroom.model.jobs import JobState
from postroom.model.records import Remove
from postroom.ports.transit import Commit
from tests.support.builders import ORG
from tests.support.calls import Calls
from tests.support.exports import JOB, KB, KMS, NOISE, ExportSystem, check, entries, folders, manifest, tiny_parts

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def system() -> ExportSystem:
    return ExportSystem()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_parts(monkeypatch)


def test_an_empty_mailbox_is_an_archive_with_a_manifest(system: ExportSystem) -> None:
    system.start()
    system.run()
    check(system)
    assert list(entries(system.archive)) == [MANIFEST]
    assert [line.kind for line in manifest(system.archive)] == ["export", *["folder"] * 10]
    assert system.log["totalFolders"] == "10"


def test_the_tree_of_folders_is_the_mailboxs_empty_ones_too(system: ExportSystem) -> None:
    system.put(b"Subject: one\r\n\r\n", "JUNK_EMAIL")
    system.start()
    system.run()
    assert sorted(folders(system.archive)) == sorted(TITLE.values())


def test_each_item_is_in_its_folder_with_its_bytes_and_its_line(system: ExportSystem) -> None:
    system.put(b"Subject: one\r\n\r\nHello\r\n")
    system.put(b"", "JUNK_EMAIL")
    system.put(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "CALENDAR", unread=False)
    system.start()
    system.run()
    check(system)
    names = sorted(entries(system.archive))
    assert [name.partition("/")[0] for name in names] == ["Calendar", "Inbox", "Junk Email", MANIFEST]
    assert [name.rpartition(".")[2] for name in names] == ["ics", "eml", "eml", "jsonl"]
    calendar = next(line for line in manifest(system.archive)[11:] if line.path.startswith("Calendar/"))
    assert (calendar.kind, calendar.item_class, calendar.read) == ("item", "IPM.Appointment", True)


def test_runs_become_parts_and_a_short_one_is_at_the_end(system: ExportSystem, small_parts: None) -> None:
    sizes = [2 * KB] * 11 + [23 * KB, 1000] + [2 * KB] * 5
    for place, size in enumerate(sizes):
        system.put((NOISE * 4)[place : place + size])
    system.put(b"text " * 5 * KB, "SENT_ITEMS")  # shrinks to less than a part
    system.start()
    system.run()
    plan = system.job.plan
    assert plan is not None
    assert plan.runs > 3
    check(system)


def test_what_cannot_be_read_is_named_in_the_manifest_and_ends_nothing(system: ExportSystem) -> None:
    system.put(b"kept")
    gone, damaged, other = system.put(b"gone"), system.put(b"damaged"), system.put(b"another's")
    system.sealed.delete(f"mail/{ORG}/ann/{gone}")
    system.sealed.delete(f"mail/{ORG}/ann/{damaged}")
    system.sealed.put_once(f"mail/{ORG}/ann/{damaged}", b"PRM1 is not enough")
    content = system.sealed.get(f"mail/{ORG}/ann/{other}")
    system.sealed.delete(f"mail/{ORG}/ann/{other}")
    system.sealed.put_once(f"mail/{ORG}/ann/{other}", content[:-1] + bytes([content[-1] ^ 1]))
    for token in (gone, damaged, other):
        del system.contents[token]
    system.start()
    system.run()
    check(system, missing=3)
    missing = [line for line in manifest(system.archive) if line.kind == "missing"]
    assert len({line.path for line in missing}) == 3
    assert {line.cause.partition(" ")[0] for line in missing} == {"the"}


@pytest.mark.parametrize(("others", "suffixes"), [(False, {"eml"}), (True, {"eml", "vcf", "ics"})])
def test_contacts_and_tasks_come_with_a_setting(system: ExportSystem, others: bool, suffixes: set[str]) -> None:
    system.others = others
    tokens = [
        system.put(b"BEGIN:VCARD", "CONTACTS", item_class="IPM.Contact"),
        system.put(b"BEGIN:VTODO", "TASKS", item_class="IPM.Task.Request"),
    ]
    system.put(b"mail")
    if not others:
        for token in tokens:
            del system.contents[token]
    system.start()
    system.run()
    check(system, missing=0 if others else 2)
    assert {name.rpartition(".")[2] for name in entries(system.archive) if name != MANIFEST} == suffixes


def test_the_steps_are_facts(system: ExportSystem) -> None:
    system.put(b"one")
    job = system.start()
    system.run()
    names = [fact.name for fact in system.ledger.facts(job.trace)]
    assert sorted(names) == [OwnFact.EXPORT_COMPLETED, OwnFact.EXPORT_PACKED, OwnFact.EXPORT_PLANNED]


def test_progress_moves(system: ExportSystem, small_parts: None) -> None:
    for place in range(12):
        system.put(NOISE[place:])
    system.start()
    seen = [system.job.progress]
    for station, body in system.waiting():
        system.accept(station, body)
        seen.append(system.job.progress)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 100
    assert len(set(seen)) > 4


def steps(system: ExportSystem) -> int:
    """Run an export, and return how many messages it took."""
    count = 0
    for station, body in system.waiting():
        system.accept(station, body)
        count += 1
    return count


@pytest.mark.parametrize("after", range(6))
def test_a_job_that_is_cancelled_leaves_nothing(small_parts: None, after: int) -> None:
    system = ExportSystem()
    for place in range(6):
        system.put(NOISE[place:])
    system.start()
    cancelled = False
    for done, (station, body) in enumerate(system.waiting()):
        if done == after:
            cancelled = system.cancel()
        system.accept(station, body)
    if not cancelled:
        check(system)
        return
    assert system.job.state is JobState.CANCELLED
    assert system.left_over() == []
    assert system.uploads.objects == {}


def test_a_job_that_is_cancelled_before_it_is_planned_leaves_nothing(system: ExportSystem) -> None:
    system.start()
    plan = system.queues.queues["plan_export"].popleft()
    assert system.cancel()
    system.run()
    system.accept("plan_export", plan)
    assert system.left_over() == []


def test_an_order_without_a_job_ends(system: ExportSystem) -> None:
    job = system.start()
    system.directory.commit([Remove(job)])
    system.run()
    assert system.left_over() == []


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("what", ["owner", "mailbox", "organization"])
def test_what_is_deleted_meanwhile_ends_the_export(small_parts: None, what: str, after: int) -> None:
    system = ExportSystem()
    for place in range(6):
        system.put(NOISE[place:])
    system.start()
    for done, (station, body) in enumerate(system.waiting()):
        if done == after and what == "mailbox":
            del system.tables.mailboxes["ann"]
        elif done == after:
            system.owners.active = False
            if what == "organization":
                system.directory.commit([Remove(system.job)])
        system.accept(station, body)
    assert system.left_over() == []
    assert system.uploads.objects == {}
    if what != "organization":
        assert system.job.state is JobState.FAILED
        assert "deleted" in (system.job.error_info or "") or "removed" in (system.job.error_info or "")


@pytest.mark.parametrize("after", range(5))
def test_what_the_customer_withdraws_stops_the_job_until_it_is_given_back(small_parts: None, after: int) -> None:
    system = ExportSystem()
    for place in range(6):
        system.put(NOISE[place:])
    system.start()
    for done, (station, body) in enumerate(system.waiting()):
        if done == after:
            system.uploads.refuses = "role/export could not write the archive at take-out: AccessDenied"
        system.accept(station, body)
    if system.job.state is JobState.COMPLETED:
        assert after > 3
        return
    assert system.job.state is JobState.RUNNING
    assert "AccessDenied" in (system.job.error_info or "")
    system.uploads.refuses = ""
    for parked in list(system.things.list()):
        system.parking.redrive(parked)
    system.run()
    check(system)
    assert system.job.error_info is None


@pytest.mark.parametrize("after", range(5))
def test_a_bucket_that_turns_public_gets_no_archive(small_parts: None, after: int) -> None:
    system = ExportSystem()
    for place in range(6):
        system.put(NOISE[place:])
    system.start()
    for done, (station, body) in enumerate(system.waiting()):
        if done == after:
            system.uploads.public.add("take-out")
        system.accept(station, body)
    if system.job.state is JobState.COMPLETED:
        assert after > 3
        return
    assert "is public" in (system.job.error_info or "")
    assert system.uploads.objects == {}
    assert system.cancel()
    system.run()
    assert [*system.uploads.open, *system.uploads.objects, *system.staging.objects] == []


def test_a_job_whose_order_is_discarded_fails_with_the_cause(system: ExportSystem) -> None:
    system.put(b"one")
    system.start()
    system.keys.disabled.add(KMS)
    system.run()
    (parked,) = system.things.list()
    assert "KeyUnavailable" in (system.job.error_info or "")
    assert system.parking.discard(parked)
    system.run()
    assert system.job.state is JobState.FAILED
    assert "KeyUnavailable" in (system.job.error_info or "")
    assert system.left_over() == []


def test_an_upload_that_another_aborted_ends_the_job(system: ExportSystem) -> None:
    for place in range(3):
        system.put(NOISE[place:])
    system.start()
    for station, body in system.waiting():
        if station == "seal_export":
            system.uploads.open.clear()
        system.accept(station, body)
    assert system.job.state is JobState.FAILED
    assert "aborted" in (system.job.error_info or "")
    assert system.left_over() == []


def test_an_upload_whose_start_was_not_recorded_is_aborted_at_the_end(system: ExportSystem) -> None:
    job = system.start()
    system.uploads.start(destination_of(job))
    system.run()
    check(system)


def test_an_upload_that_is_started_while_the_organization_is_deleted_is_aborted() -> None:
    calls = Calls()
    system = ExportSystem(around=calls.around)
    system.put(b"one")
    job = system.start()
    calls.do = lambda: system.directory.commit([Remove(job)])
    calls.at, calls.after = position_of("uploads.start"), True
    system.run()
    assert system.left_over() == []


def test_a_plan_that_is_not_finished_leaves_no_upload() -> None:
    calls = Calls()
    system = ExportSystem(around=calls.around)
    system.put(b"one")
    system.start()

    def fail() -> None:
        raise StoreUnavailableError("S3 did not answer")

    calls.do, calls.at = fail, position_of("staging.put") + 1
    plan = system.queues.queues["plan_export"].popleft()
    with pytest.raises(StoreUnavailableError):
        system.accept("plan_export", plan)
    assert [*system.uploads.open, *system.staging.objects] == []
    system.accept("plan_export", plan)
    system.run()
    check(system)


def position_of(name: str) -> int:
    """Return the number of the first call of this name, for an export of one item."""
    calls = Calls()
    system = ExportSystem(around=calls.around)
    system.put(b"one")
    system.start()
    system.run()
    return calls.names.index(name)


def test_messages_of_ended_jobs_change_nothing(system: ExportSystem) -> None:
    system.put(b"one")
    system.start()
    bodies: Sequence[tuple[str, str]] = []
    for station, body in system.waiting():
        bodies = [*bodies, (station, body)]
        system.accept(station, body)
    archive = system.archive
    for station, body in (*bodies, *reversed(bodies)):
        system.accept(station, body)
    system.run()
    assert system.archive is archive
    check(system)


def test_an_order_that_was_made_again_after_its_end_ends_again(system: ExportSystem) -> None:
    job = system.start()
    assert system.cancel()
    system.run()
    order = end_order(job.trace, ORG, JOB)
    system.transit.commit(Commit(orders=[order]))
    system.queues.send([order])
    system.run()
    assert system.left_over() == []


@pytest.mark.parametrize("station", ["plan_export", "pack_export", "seal_export"])
def test_a_message_for_another_station_is_no_order_of_this_one(system: ExportSystem, station: str) -> None:
    system.put(b"one")
    system.start()
    bodies = list[tuple[str, str]]()
    for name, body in system.waiting():
        bodies.append((name, body))
        system.accept(name, body)
    for name, body in [*bodies, ("deliver", '{"kind":"MAIL"}')]:
        if name != station:
            with pytest.raises(InvalidNotificationError):
                system.accept(station, body)
