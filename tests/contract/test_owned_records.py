"""Records that an organization owns, of any family, in memory and in DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import pytest

from postroom.errors import ConflictError, TakenError
from postroom.model.exports import ExportPlan, MailboxExportJob
from postroom.model.jobs import JobState
from postroom.model.owned import Owned
from postroom.model.records import Insert, Put, Remove, Replace
from tests.support.directory_records import KINDS, ORG, OTHER, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.directory import Directory


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@dataclass(frozen=True, slots=True)
class Part:
    colour: Colour
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing(Owned):
    family: ClassVar[str] = "THING"
    id: str
    colour: Colour = Colour.RED
    parts: tuple[Part, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    digest: bytes = b""
    expires: int | None = None
    open: bool = True

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking(Owned):
    """Its family's name begins with another's."""

    family: ClassVar[str] = "THINGS"
    id: str

    @property
    def key(self) -> str:
        return self.id


@pytest.fixture(params=KINDS)
def directory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Directory]:
    with opened(request.param, monkeypatch) as stores:
        yield stores.directory


WHOLE = Thing(
    organization_id=ORG,
    id="a#1",
    colour=Colour.BLUE,
    parts=(Part(Colour.RED, ("x", "y")), Part(Colour.BLUE)),
    texts={"k": "v"},
    digest=b"\x00\xff",
    expires=1_800_000_000,
    open=False,
)


def test_a_record_comes_back_as_it_was_written(directory: Directory) -> None:
    directory.commit([Insert(WHOLE), Insert(Thing(organization_id=ORG, id="b"))])
    found = directory.owned(Thing, ORG, "a#1")
    assert found == WHOLE
    assert found is not None
    assert type(found.parts[0].colour) is Colour
    assert directory.owned(Thing, ORG, "b") == Thing(organization_id=ORG, id="b")
    assert directory.owned(Thing, OTHER, "b") is None
    assert directory.owned(Thinking, ORG, "b") is None


def test_a_job_comes_back_with_its_plan(directory: Directory) -> None:
    job = MailboxExportJob(
        organization_id=ORG,
        id="j-1",
        entity_id="ann",
        role_arn="arn:aws:iam::123456789012:role/export",
        external_id="arn:aws:workmail:us-east-1:123456789012:organization/m-1",
        key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
        bucket="take-out",
        prefix="mail",
        started=1_795_521_600_000,
    )
    directory.commit([Insert(job)])
    assert directory.owned(MailboxExportJob, ORG, "j-1") == job
    plan = ExportPlan(runs=9, items=70_000, folders=12, size=5_000_000_000, left_out=3)
    packed = replace(job, plan=plan, upload_id="u").with_packed(8)
    directory.commit([Replace(packed)])
    found = directory.owned(MailboxExportJob, ORG, "j-1")
    assert found == replace(packed, version=2)
    ended = found.end(JobState.FAILED, job.started + 1, "no")
    directory.commit([Replace(ended)])
    assert directory.owned(MailboxExportJob, ORG, "j-1") == replace(ended, version=3)


def test_a_family_is_listed_by_key_within_a_prefix(directory: Directory) -> None:
    things = [Thing(organization_id=ORG, id=key) for key in ("a#1", "a#2", "a#3", "b#1")]
    directory.commit([Insert(each) for each in reversed(things)] + [Insert(Thinking(organization_id=ORG, id="a#4"))])
    first = directory.owned_page(Thing, ORG, None, 2)
    assert [each.id for each in first.items] == ["a#1", "a#2"]
    assert [each.id for each in directory.owned_page(Thing, ORG, first.last, 9).items] == ["a#3", "b#1"]
    assert [each.id for each in directory.owned_page(Thing, ORG, "a#1", 9, within="a#").items] == ["a#2", "a#3"]


def test_versions_guard_replacements(directory: Directory) -> None:
    directory.commit([Insert(WHOLE)])
    with pytest.raises(TakenError):
        directory.commit([Insert(WHOLE)])
    directory.commit([Replace(replace(WHOLE, open=True))])
    with pytest.raises(ConflictError):
        directory.commit([Replace(WHOLE)])
    with pytest.raises(ConflictError):
        directory.commit([Remove(WHOLE, unchanged=True)])
    assert directory.owned(Thing, ORG, "a#1") == replace(WHOLE, open=True, version=2)
    directory.commit([Put(WHOLE)])
    directory.commit([Remove(WHOLE, unchanged=True)])
    assert directory.owned(Thing, ORG, "a#1") is None
