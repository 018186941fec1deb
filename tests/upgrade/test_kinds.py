"""No kind of row, message or object is without a sample."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import postroom.adapters.aws
import postroom.contracts
from postroom.contracts.base import Kept
from postroom.contracts.export_orders import ExportOrder
from postroom.contracts.export_staging import StagedHead
from postroom.contracts.messages import Message
from postroom.contracts.stored import Order, Stored
from postroom.model.facts import EventName, OwnFact
from postroom.model.owned import Owned
from postroom.model.records import Record

from . import former, later
from .records import families

if TYPE_CHECKING:
    from collections.abc import Iterator

ADAPTERS: Final = Path(postroom.adapters.aws.__path__[0])
WRITES: Final = re.compile(
    r"\.put_item\(\s*TableName|\bwrites?\.(?:put|update)\(|\)\.(?:put|update)\(|put_all\(self|\.update_item\("
)
"""How adapters write rows."""

NO_KINDS: Final = frozenset({Stored, StagedHead, Order, ExportOrder, Owned})
"""Classes of which nothing is kept, but instances of subclasses."""

ALL: Final = former.KINDS | later.KINDS
COVERED: Final = frozenset(each for kind in ALL.values() for each in kind.covers)

WITH_SAMPLES: Final = frozenset(
    {
        "blob_notes",
        "calendars",
        "directory",
        "mailbox_additions",
        "mailbox_heads",
        "mailboxes",
        "parked",
        "transit",
        "transit_scans",
        "written_objects",
    }
)
"""Modules that write rows made by functions whose samples are kept."""

WITHOUT: Final = {
    "account_quota": "counts that are added to",
    "attempts": "counts that are added to",
    "due_mailboxes": "keys alone, and one time",
    "leases": "a holder and an end, compared by conditions",
    "open_transmissions": "a count, a time and an id in rows of orders, whose sample transit has",
    "sweep_rounds": "a place and counts; without it a round begins anew",
    "transit_keys": "a wrapped key for a day",
    "transmission_scans": "the time of the next attempt in rows of orders, whose sample transit has",
}
"""Modules that write rows of their own, and what these are: none has a form that could be misread."""

FACTS: Final = (Path(__file__).parent / "samples" / "facts.txt").read_text().split()
"""Names of facts that are in ledgers, which keep them for a year."""


def modules(package: Any) -> Iterator[Any]:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def kept(kind: type[Any]) -> Iterator[type]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from kept(subclass)


def test_every_class_that_versions_leave_for_each_other_has_a_sample() -> None:
    list(modules(postroom.contracts))
    found = {each for each in kept(Kept) if each.__module__.startswith("postroom.")}
    assert found - COVERED - NO_KINDS == set()


def test_every_message_of_a_queue_has_a_sample() -> None:
    assert set(get_args(Message)) - COVERED - NO_KINDS == set()


def test_every_record_of_the_directory_has_a_sample() -> None:
    assert {*get_args(Record), *families()} - COVERED - NO_KINDS == set()


def test_every_function_that_makes_a_row_has_a_sample() -> None:
    found = {
        function
        for module in modules(postroom.adapters.aws)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.endswith("_row") and function.__module__ == module.__name__ and returns_a_row(function)
    }
    assert found - COVERED == set()
    assert len(found) > 15


def test_every_module_that_writes_rows_is_known() -> None:
    found = {path.stem for path in ADAPTERS.glob("*.py") if WRITES.search(path.read_text())}
    assert found == WITH_SAMPLES | set(WITHOUT), "a row needs a sample, or a reason to do without"


def returns_a_row(function: Any) -> bool:
    return str(inspect.signature(function).return_annotation) == "dict[str, Any]"


def test_every_kind_has_a_sample_and_every_sample_a_kind() -> None:
    """A kind that is new gets its sample by ``python -m tests.upgrade.write_later``."""
    assert set(later.KINDS) == set(later.samples())
    assert set(former.samples()) <= set(ALL)


def test_no_name_of_a_fact_that_ledgers_have_is_gone() -> None:
    assert set(FACTS) <= {each.value for each in (*EventName, *OwnFact)}
