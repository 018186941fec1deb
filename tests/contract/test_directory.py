"""The records of the admin API, in memory and in DynamoDB."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.errors import ConflictError, StoreUnavailableError, TakenError
from postroom.model.availability import EwsProvider
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import (
    AliasClaim,
    Check,
    ClientToken,
    Insert,
    NameClaim,
    OrganizationState,
    PasswordHash,
    Put,
    Remove,
    Replace,
)
from postroom.model.rules import ActionType, Direction, LambdaCall, RuleAction
from tests.support.directory_records import (
    KINDS,
    ORG,
    OTHER,
    TABLE,
    Stores,
    availability,
    claim,
    domain,
    gateway,
    group,
    member,
    opened,
    organization,
    rule,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.directory import Directory


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    with opened(request.param, monkeypatch) as stores:
        yield stores


@pytest.fixture
def directory(stores: Stores) -> Directory:
    return stores.directory


class TestRules:
    def test_what_was_committed_comes_back_as_it_was(self, directory: Directory) -> None:
        bouncing = rule("b", action=RuleAction(ActionType.BOUNCE, "Not here, ö"), description="d")
        directory.commit([Insert(rule("a")), Insert(bouncing)])
        assert directory.rule(ORG, Direction.INBOUND, "a") == rule("a")
        assert directory.rule(ORG, Direction.INBOUND, "b") == bouncing

    @pytest.mark.parametrize(
        "call",
        [
            LambdaCall("arn:sync", synchronous=True, fallback=ActionType.DROP, timeout_minutes=240),
            LambdaCall("arn:once", synchronous=True, fallback=ActionType.DEFAULT, timeout_minutes=0),
            LambdaCall("arn:async", synchronous=False),
        ],
    )
    def test_a_rule_that_calls_a_function_comes_back_as_it_was(self, directory: Directory, call: LambdaCall) -> None:
        calling = rule("a", action=RuleAction(ActionType.RUN_LAMBDA, call=call))
        directory.commit([Insert(calling)])
        assert directory.rule(ORG, Direction.INBOUND, "a") == calling
        assert directory.rules(ORG, Direction.INBOUND, None, 10).items == [calling]

    def test_a_rule_is_replaced_and_removed(self, directory: Directory) -> None:
        directory.commit([Insert(rule("a"))])
        with pytest.raises(TakenError):
            directory.commit([Insert(rule("a"))])
        directory.commit([Put(rule("a", name="Other"))])
        assert directory.rule(ORG, Direction.INBOUND, "a") == rule("a", name="Other")
        directory.commit([Remove(rule("a"))])
        assert directory.rule(ORG, Direction.INBOUND, "a") is None
        directory.commit([Remove(rule("a"))])

    def test_lists_hold_one_organization_and_direction_in_order_of_ids(self, directory: Directory) -> None:
        others = [rule("a", of=OTHER), rule("x", direction=Direction.OUTBOUND)]
        directory.commit([*map(Insert, others), *(Insert(rule(name)) for name in "cab")])
        first = directory.rules(ORG, Direction.INBOUND, None, 2)
        assert [row.rule.id for row in first.items] == ["a", "b"]
        rest = directory.rules(ORG, Direction.INBOUND, first.last, 2)
        assert [row.rule.id for row in rest.items] == ["c"]
        assert rest.last is None
        assert directory.rule(ORG, Direction.OUTBOUND, "a") is None

    @pytest.mark.parametrize(
        "action",
        [
            RuleAction(ActionType.SMTP_GATEWAY, gateway_id="g-1"),
            RuleAction(ActionType.RUN_LAMBDA, call=LambdaCall("arn:f", synchronous=True), gateway_id="g-1"),
        ],
    )
    def test_a_rule_keeps_the_gateway_that_it_names(self, directory: Directory, action: RuleAction) -> None:
        naming = rule("a", direction=Direction.OUTBOUND, action=action)
        directory.commit([Insert(naming)])
        assert directory.rule(ORG, Direction.OUTBOUND, "a") == naming


class TestGateways:
    def test_what_was_committed_comes_back_as_it_was_until_it_is_replaced_and_removed(
        self, directory: Directory
    ) -> None:
        directory.commit([Insert(gateway("a"))])
        assert directory.gateway(ORG, "a") == gateway("a")
        with pytest.raises(TakenError):
            directory.commit([Insert(gateway("a"))])
        directory.commit([Put(gateway("a", port=465))])
        assert directory.gateway(ORG, "a") == gateway("a", port=465)
        directory.commit([Remove(gateway("a"))])
        assert directory.gateway(ORG, "a") is None

    def test_lists_hold_one_organization_in_order_of_ids(self, directory: Directory) -> None:
        directory.commit([Insert(gateway("a", of=OTHER)), Insert(rule("a", direction=Direction.OUTBOUND))])
        directory.commit([Insert(gateway(name)) for name in "cab"])
        first = directory.gateways(ORG, None, 2)
        assert [row.id for row in first.items] == ["a", "b"]
        rest = directory.gateways(ORG, first.last, 2)
        assert [row.id for row in rest.items] == ["c"]
        assert rest.last is None
        assert directory.gateway(OTHER, "b") is None


class TestAvailabilityConfigurations:
    def test_what_was_committed_comes_back_as_it_was_until_it_is_replaced_and_removed(
        self, directory: Directory
    ) -> None:
        first = availability("a.example")
        directory.commit([Insert(first)])
        assert directory.availability(ORG, "a.example") == first
        with pytest.raises(TakenError):
            directory.commit([Insert(first)])
        ews = EwsProvider("https://mail.example.org/EWS/Exchange.asmx", "üser", "v-1")
        directory.commit([Replace(replace(first, provider=ews, modified=2))])
        second = replace(first, provider=ews, modified=2, version=2)
        assert directory.availability(ORG, "a.example") == second
        for late in (Replace(first), Check(first), Remove(first, unchanged=True)):
            with pytest.raises(ConflictError):
                directory.commit([late])
        directory.commit([Remove(second, unchanged=True)])
        assert directory.availability(ORG, "a.example") is None

    def test_lists_hold_one_organization_in_order_of_domains(self, directory: Directory) -> None:
        directory.commit([Insert(availability("a", of=OTHER)), Insert(gateway("a"))])
        directory.commit([Insert(availability(name)) for name in "cab"])
        first = directory.availabilities(ORG, None, 2)
        assert [row.domain for row in first.items] == ["a", "b"]
        rest = directory.availabilities(ORG, first.last, 2)
        assert [row.domain for row in rest.items] == ["c"]
        assert rest.last is None
        assert directory.availability(OTHER, "b") is None


class TestRecords:
    def test_what_was_committed_comes_back_as_it_was(self, directory: Directory) -> None:
        made = organization(
            fallback_mailbox="u", log_group_arn="arn:aws:logs:r:1:log-group:/x:*", role_arn="r", spread=False
        )
        place = domain(dkim_tokens=("a", "b"), verified=True, verification_token="t", fallback_mailbox="u")
        ann = user("ann", aliases=("A@acme.test", "b@acme.test"), releasing=("x@acme.test",), hidden=True, enabled=5)
        directory.commit([Insert(made), Insert(place), Insert(ann), Insert(group("team"))])
        assert directory.organization(ORG) == made
        assert directory.domain_record("acme.test") == place
        assert directory.entity(ORG, "ann") == ann
        assert directory.entity(ORG, "team") == group("team")

    def test_what_is_not_there_is_none(self, directory: Directory) -> None:
        assert directory.organization(ORG) is None
        assert directory.organization_with_alias("acme") is None
        assert directory.domain_record("acme.test") is None
        assert directory.entity(ORG, "ann") is None
        assert directory.entity_named(ORG, "ann") is None
        assert directory.entity_at(ORG, "ann@acme.test") is None
        assert directory.password(ORG, "ann") is None
        assert directory.client_token("s", "t") is None
        assert directory.organizations(None, 10).items == []
        assert directory.addresses_in("acme.test", 1) == []

    def test_claims_lead_to_what_they_name_inside_one_organization(self, directory: Directory) -> None:
        ann = user("ann")
        directory.commit(
            [
                Insert(organization()),
                Insert(AliasClaim(alias="acme", organization_id=ORG)),
                Insert(ann),
                Insert(NameClaim(organization_id=ORG, name="ann", entity_id="ann", kind=EntityKind.USER)),
                Insert(claim("ann@acme.test", ann)),
            ]
        )
        assert directory.organization_with_alias("acme") == organization()
        assert directory.entity_named(ORG, "ann") == ann
        assert directory.entity_at(ORG, "ann@acme.test") == ann
        assert directory.entity_named(OTHER, "ann") is None
        assert directory.entity_at(OTHER, "ann@acme.test") is None
        assert directory.addresses_in("acme.test", 5) == ["ann@acme.test"]
        directory.commit([Remove(claim("ann@acme.test", ann))])
        assert directory.entity_at(ORG, "ann@acme.test") is None
        assert directory.addresses_in("acme.test", 5) == []

    def test_passwords_and_tokens_are_put_over_what_is_there(self, directory: Directory) -> None:
        first = PasswordHash(organization_id=ORG, user_id="ann", hash="$1")
        token = ClientToken(scope="Op#", token="t", fingerprint="f", answer="{}", expires=5)
        directory.commit([Insert(first), Insert(token)])
        directory.commit([Put(replace(first, hash="$2")), Put(replace(token, answer="[]"))])
        assert directory.password(ORG, "ann") == replace(first, hash="$2")
        assert directory.client_token("Op#", "t") == replace(token, answer="[]")

    def test_the_signing_key_stays(self, directory: Directory) -> None:
        key = directory.signing_key()
        assert len(key) == 32
        assert directory.signing_key() == key


class TestCommit:
    def test_a_record_is_inserted_once(self, directory: Directory) -> None:
        directory.commit([Insert(claim("a@acme.test", user("ann")))])
        taken = claim("a@acme.test", user("bob"))
        with pytest.raises(TakenError) as caught:
            directory.commit([Insert(user("bob")), Insert(taken)])
        assert caught.value.record == taken
        assert directory.entity(ORG, "bob") is None, "all or nothing"

    def test_a_version_is_replaced_once(self, directory: Directory) -> None:
        directory.commit([Insert(user("ann"))])
        directory.commit([Replace(user("ann", hidden=True))])
        assert directory.entity(ORG, "ann") == user("ann", hidden=True, version=2)
        with pytest.raises(ConflictError):
            directory.commit([Replace(user("ann", hidden=False)), Insert(claim("a@acme.test", user("ann")))])
        assert directory.entity_at(ORG, "a@acme.test") is None

    def test_a_check_holds_the_rest_back(self, directory: Directory) -> None:
        directory.commit([Insert(organization())])
        directory.commit([Check(organization()), Insert(user("ann"))])
        with pytest.raises(ConflictError):
            directory.commit([Check(organization(version=2)), Insert(user("bob"))])
        with pytest.raises(ConflictError):
            directory.commit([Check(organization(OTHER)), Insert(user("bob"))])
        assert directory.entity(ORG, "bob") is None

    def test_a_record_that_has_changed_since_is_not_removed(self, directory: Directory) -> None:
        second = organization(OTHER)
        directory.commit([Insert(organization()), Insert(second), Insert(domain("b.test"))])
        read = directory.domain_record("b.test")
        assert read is not None
        directory.commit([Replace(read)])
        with pytest.raises(ConflictError):
            directory.commit([Remove(read, unchanged=True), Insert(user("ann"))])
        changed = directory.domain_record("b.test")
        assert changed is not None
        directory.commit([Remove(changed, unchanged=True)])
        assert directory.domain_record("b.test") is None
        with pytest.raises(ConflictError):
            directory.commit([Remove(changed, unchanged=True)])
        directory.commit([Insert(domain("b.test", second, version=changed.version))])
        for change in (Remove(changed, unchanged=True), Check(changed)):
            with pytest.raises(ConflictError):
                directory.commit([change, Insert(user("ann"))])
        assert [each.name for each in directory.domains_of(OTHER, None, 5).items] == ["b.test"]
        assert directory.entity(ORG, "ann") is None

    def test_too_much_and_twice_the_same_is_refused(self, directory: Directory) -> None:
        many = [Insert(claim(f"a{number}@acme.test", user("ann"))) for number in range(101)]
        with pytest.raises(ValueError, match="at most"):
            directory.commit(many)
        with pytest.raises(ValueError, match="one change per record"):
            directory.commit([Insert(user("ann")), Check(user("ann"))])
        with pytest.raises(ValueError, match="at most"):
            directory.commit([Insert(member(group("team"), user(f"u{number}"))) for number in range(51)])
        directory.commit(many[:100])

    def test_of_many_at_once_one_gets_the_address(self, directory: Directory, request: pytest.FixtureRequest) -> None:
        request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
        sys.setswitchinterval(1e-6)  # threads change places as often as they do on a busy machine
        start, won = threading.Barrier(8), []

        def take(name: str) -> None:
            start.wait()
            try:
                directory.commit([Insert(user(name)), Insert(claim("ceo@acme.test", user(name)))])
            except (TakenError, ConflictError, StoreUnavailableError):
                return
            won.append(name)

        threads = [threading.Thread(target=take, args=(f"u{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        owner = directory.entity_at(ORG, "ceo@acme.test")
        assert owner is not None
        assert owner.id == won[0]


class TestLists:
    def test_pages_follow_each_other_without_gap_or_repeat(self, directory: Directory) -> None:
        names = [f"u{number:02}" for number in range(25)]
        directory.commit([Insert(user(name)) for name in names] + [Insert(group("team"))])
        seen, after, pages = [], None, 0
        while True:
            page = directory.entities(ORG, EntityKind.USER, after, 10)
            seen += [entity.id for entity in page.items]
            after, pages = page.last, pages + 1
            if after is None:
                break
        assert seen == names
        assert pages <= 4
        assert [entity.id for entity in directory.entities(ORG, EntityKind.GROUP, None, 10).items] == ["team"]
        assert directory.entities(OTHER, EntityKind.USER, None, 10).items == []

    def test_organizations_and_domains_are_listed_by_key(self, directory: Directory) -> None:
        second = organization(OTHER)
        directory.commit(
            [
                Insert(second),
                Insert(organization()),
                Insert(domain("b.test")),
                Insert(domain("a.test")),
                Insert(domain("c.test", second)),
            ]
        )
        assert [item.id for item in directory.organizations(None, 5).items] == [ORG, OTHER]
        first = directory.organizations(None, 1)
        assert [item.id for item in directory.organizations(first.last, 5).items] == [OTHER]
        assert [item.name for item in directory.domains_of(ORG, None, 5).items] == ["a.test", "b.test"]
        page = directory.domains_of(ORG, None, 1)
        assert [item.name for item in directory.domains_of(ORG, page.last, 5).items] == ["b.test"]
        directory.commit([Remove(domain("a.test"))])
        assert [item.name for item in directory.domains_of(ORG, None, 5).items] == ["b.test"]

    def test_membership_is_listed_from_both_sides_without_the_deleted(self, directory: Directory) -> None:
        team, ann, gone = group("team"), user("ann"), user("gone", state=EntityState.DELETED)
        directory.commit(
            [Insert(team), Insert(ann), Insert(gone), Insert(member(team, ann)), Insert(member(team, gone))]
        )
        assert directory.members_of(ORG, "team", None, 10).items == [ann]
        assert directory.groups_of(ORG, "ann", None, 10).items == [team]
        directory.commit([Remove(member(team, ann))])
        assert directory.members_of(ORG, "team", None, 10).items == []
        assert directory.groups_of(ORG, "ann", None, 10).items == []


def test_a_table_that_does_not_answer_is_a_temporary_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        directory = DynamoDirectory(DirectoryTable(boto3.client("dynamodb", "us-east-1"), "missing"))
        with pytest.raises(StoreUnavailableError):
            directory.organization(ORG)
        with pytest.raises(StoreUnavailableError):
            directory.commit([Insert(organization())])


def test_every_organization_is_listed_a_deleted_one_included(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened("dynamodb", monkeypatch) as stores:
        gone = organization(OTHER, alias="other", state=OrganizationState.DELETED)
        stores.directory.commit([Insert(gone), Insert(organization()), Insert(domain())])
        assert list(DynamoOrganizations(boto3.client("dynamodb", "us-east-1"), TABLE).ids()) == [ORG, OTHER]
