"""Events of the function, answers that fit, what is kept, and tests of providers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from postroom.availability.cache import Cache
from postroom.availability.fitting import fitted
from postroom.availability.station import Availability
from postroom.contracts.availability_query import ProviderTest, read_answer, write_question, write_test
from postroom.model.availability import EwsProvider, LambdaProvider
from postroom.model.free_busy import (
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    MailboxAvailability,
    MailboxFailure,
    MailboxResult,
    Question,
)
from tests.support.builders import NOON, arn
from tests.support.directory_records import ORG
from tests.unit.availability.conftest import ANN, ENDPOINT, FUNCTION, HOUR, TEA, World, permission

FAILED = FailureCode.FREE_BUSY_GENERATION_FAILED


def station(world: World) -> Availability:
    return Availability(world.query(), world.testing())


class TestEvents:
    def test_a_question_is_answered_as_the_contract_says(self, world: World) -> None:
        world.calendars.of["ann"] = [TEA]
        question = Question(ANN, ("ann@acme.test", "x@acme.test"), NOON, NOON + HOUR)
        reported = station(world).accept(json.loads(write_question(question)), "r")
        assert read_answer(json.dumps(reported.document).encode()) == world.ask("ann@acme.test", "x@acme.test")
        assert reported.log == {
            "organization_id": ORG,
            "mailboxes": 2,
            "failures": {"ErrorMailRecipientNotFound": 1},
        }

    @pytest.mark.parametrize("event", [{}, {"mailboxes": []}, {"test": {}}, {"test": None}, {"Records": []}])
    def test_what_is_no_question_is_answered_with_the_reason(self, world: World, event: Any) -> None:
        assert list(station(world).accept(event, "r").document) == ["invalid"]

    def test_an_error_of_ours_is_in_the_log(self, world: World) -> None:
        world.calendars.of["ann"] = ZeroDivisionError("oops")
        event = json.loads(write_question(Question(ANN, ("ann@acme.test",), NOON, NOON + HOUR)))
        (trouble,) = station(world).accept(event, "r").log["troubles"]
        assert trouble.startswith("ZeroDivisionError in ")


class TestProviderTests:
    def run(self, world: World, provider: LambdaProvider | EwsProvider, domain: str = "", **more: Any) -> str:
        event = json.loads(write_test(ProviderTest(ORG, domain, provider, **more)))
        failure = station(world).accept(event, "r").document["failure"]
        assert isinstance(failure, str)
        assert world.facts == []
        assert not world.tables.transit
        return failure

    def test_a_function_that_answers_and_is_closed_to_others_passes(self, world: World) -> None:
        assert self.run(world, LambdaProvider(FUNCTION), "example.org") == ""
        (event,) = world.events
        assert event["mailboxes"] == ["availability-test@example.org"]

    def test_a_function_that_knows_no_such_mailbox_passes(self, world: World) -> None:
        world.said = lambda event: {"mailboxes": [{"mailbox": event["mailboxes"][0], "error": "MailboxNotFound"}]}
        assert self.run(world, LambdaProvider(FUNCTION)) == ""

    @pytest.mark.parametrize(
        "open_to_all",
        [
            permission() | {"Condition": {}},
            permission() | {"Principal": "*", "Condition": {}},
            permission(ArnLikeIfExists={"aws:SourceArn": arn()}),
        ],
    )
    def test_one_that_anybody_may_invoke_fails_and_is_not_called(self, world: World, open_to_all: Any) -> None:
        world.lambdas.policies[FUNCTION] = {"Statement": [permission(), open_to_all]}
        assert "allows anonymous invocations" in self.run(world, LambdaProvider(FUNCTION))
        assert world.events == []

    def test_one_that_permits_nothing_fails_with_the_command(self, world: World) -> None:
        world.lambdas.policies[FUNCTION] = {}
        assert "--principal availability.workmail.us-east-1.amazonaws.com" in self.run(world, LambdaProvider(FUNCTION))

    def test_one_that_raises_or_answers_nonsense_fails(self, world: World) -> None:
        world.said = lambda _: 1 / 0
        assert "ZeroDivisionError" in self.run(world, LambdaProvider(FUNCTION))
        world.said = lambda _: "nonsense"
        assert "not of the documented form" in self.run(world, LambdaProvider(FUNCTION))

    def test_a_failed_test_lets_no_provider_rest(self, world: World) -> None:
        good, world.said = world.said, lambda _: 1 / 0
        assert self.run(world, LambdaProvider(FUNCTION), "example.org")
        world.said = good
        assert world.codes("bob@example.org") == ["ok"]

    def test_a_server_that_lets_the_user_in_passes(self, world: World) -> None:
        configured = EwsProvider(ENDPOINT, "svc", "v1")
        assert self.run(world, configured, "example.net") == ""
        assert self.run(world, EwsProvider(ENDPOINT, "svc", ""), password="secret") == ""

    def test_one_that_does_not_fails_without_the_password(self, world: World) -> None:
        failure = self.run(world, EwsProvider(ENDPOINT, "svc", ""), password="wr0ng")
        assert "refused" in failure
        assert "wr0ng" not in failure

    def test_a_password_that_is_gone_fails(self, world: World) -> None:
        world.passwords.secrets.clear()
        assert "password" in self.run(world, EwsProvider(ENDPOINT, "svc", "v1"), "example.net")


def large(mailbox: str, events: int, details: EventDetails | None = None) -> MailboxAvailability:
    return MailboxAvailability(
        mailbox, tuple(BusyEvent(NOON + n, NOON + n + 1, BusyType.BUSY, details) for n in range(events))
    )


class TestFitting:
    def results(self, *results: MailboxResult, most_bytes: int) -> list[MailboxResult]:
        written = json.dumps(fitted(results, most_bytes)).encode()
        assert len(written) <= most_bytes
        return list(read_answer(written))

    def test_what_fits_is_unchanged(self) -> None:
        both: list[MailboxResult] = [large("a@x.test", 50, EventDetails("s")), MailboxFailure("b@x.test", FAILED, "no")]
        assert self.results(*both, most_bytes=20_000) == both

    def test_the_largest_loses_its_details_and_the_others_nothing(self) -> None:
        small = large("a@x.test", 2, EventDetails("😀" * 10))
        much = large("b@x.test", 100, EventDetails("😀" * 100))
        assert self.results(much, small, most_bytes=20_000) == [large("b@x.test", 100), small]

    def test_then_the_largest_loses_its_events(self) -> None:
        small = large("a@x.test", 2)
        found = self.results(large("b@x.test", 1000), small, large("c@x.test", 900), most_bytes=100_000)
        assert [type(each) for each in found] == [MailboxFailure, MailboxAvailability, MailboxAvailability]
        assert "1000 events" in str(found[0])


class TestCache:
    def test_the_oldest_make_room(self) -> None:
        cache = Cache(lambda: 0, max_weight=12)
        for name in "abc":
            cache.put((name,), large(name, 4))
        assert [cache.get((name,)) is not None for name in "abc"] == [False, True, True]

    def test_what_is_larger_than_all_is_not_kept_and_costs_nothing(self) -> None:
        cache = Cache(lambda: 0, max_weight=12)
        cache.put(("a",), large("a", 4))
        cache.put(("b",), large("b", 12))
        assert cache.get(("b",)) is None
        assert cache.get(("a",)) is not None

    def test_a_newer_result_takes_the_place_of_the_former(self) -> None:
        cache = Cache(lambda: 0, max_weight=12)
        for size in (4, 8, 3, 8):
            cache.put(("a",), large("a", size))
        assert cache.get(("a",)) == large("a", 8)


def test_a_user_name_of_a_server_is_not_in_a_reported_test(world: World) -> None:
    event = json.loads(write_test(ProviderTest(ORG, "", replace(EwsProvider(ENDPOINT, "svc", "")), "secret")))
    assert "svc" not in repr(station(world).accept(event, "r").log)
