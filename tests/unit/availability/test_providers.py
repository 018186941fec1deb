"""Providers: calls, their facts, answers that are kept, and rests after failures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.availability.rests import LONG_REST_MS, MAX_RESTS, REST_MS, Rests
from postroom.errors import StoreUnavailableError
from postroom.model.availability import EwsProvider
from postroom.model.free_busy import FailureCode, MailboxAvailability, MailboxFailure
from postroom.model.records import Replace
from postroom.ports.ews_servers import ServerFailure
from tests.support.builders import NOON, arn
from tests.support.directory_records import ORG
from tests.unit.availability.conftest import ANN, ENDPOINT, FUNCTION, TEA, World, busy, permission

if TYPE_CHECKING:
    from postroom.ports.transit import Commit, Outcome

BOB, FAILED, BUSY = "bob@example.org", "ErrorFreeBusyGenerationFailed", "ErrorServerBusy"


def test_a_function_is_asked_as_the_guide_says(world: World) -> None:
    world.ask(BOB, "eve@example.org", start_ms=1_620_086_400_000, end_ms=1_620_259_200_000)
    assert world.events == [
        {
            "requester": {
                "email": "ann@acme.test",
                "userName": "ann",
                "organization": ORG,
                "userId": "ann",
                "origin": "192.0.2.1",
            },
            "mailboxes": [BOB, "eve@example.org"],
            "window": {"startDate": "2021-05-04T00:00:00.000Z", "endDate": "2021-05-06T00:00:00.000Z"},
        }
    ]


def test_a_call_of_a_function_leaves_the_fields_of_the_audit_log(world: World) -> None:
    world.ask(BOB)
    (fact,) = world.facts
    assert list(fact.event.items()) == [
        ("event_timestamp", NOON),
        ("request_id", "request-1"),
        ("organization_arn", arn()),
        ("user_id", "ann"),
        ("type", "LAMBDA"),
        ("domain", "example.org"),
        ("function_arn", FUNCTION),
        ("availability_event_successful", True),
    ]
    assert (fact.id, fact.name, fact.at) == ("provider:id-1/PROVIDER_ASKED", "PROVIDER_ASKED", NOON)
    assert fact.data == {"mailboxes": 1, "milliseconds": 0, "functionVersion": "$LATEST", "requestId": "request-1"}
    assert not world.tables.transit


def test_a_call_of_a_server_that_fails_leaves_them_as_well(world: World) -> None:
    world.servers.failures[ENDPOINT] = ServerFailure(FailureCode.TIMEOUT_EXPIRED, "The EWS server did not answer.")
    assert world.codes("eve@example.net") == ["ErrorTimeoutExpired"]
    (fact,) = world.facts
    assert list(fact.event)[4:] == ["type", "domain", "ews_endpoint", "error_message", "availability_event_successful"]
    assert list(fact.event.values())[4:] == ["EWS", "example.net", ENDPOINT, "The EWS server did not answer.", False]


def fail(_: Any) -> None:
    raise ValueError("secret@example.org is not in the table")


def hang(_: Any) -> None:
    raise TimeoutError


@pytest.mark.parametrize(
    ("said", "code", "error"),
    [
        (fail, FAILED, "FUNCTION_ERROR: the function raised an error, which its log has"),
        (hang, "ErrorTimeoutExpired", "TIMED_OUT: no answer in time"),
        (lambda _: None, "ErrorResponseSchemaValidation", "the answer is not of the documented form: mailboxes"),
        (lambda _: {"mailboxes": {}}, "ErrorResponseSchemaValidation", "the answer is not of the documented form"),
        (lambda _: {"mailboxes": [], "x": "y" * 5_000_000}, "ErrorResponseSchemaValidation", "larger than 1048576"),
        (lambda _: {"mailboxes": []}, FAILED, "no entry for this mailbox"),
        (lambda _: {"mailboxes": [busy("other@example.org")]}, FAILED, "no entry for this mailbox"),
    ],
)
def test_a_failed_call_is_told_to_its_owner_and_not_quoted_to_others(
    world: World, said: Any, code: str, error: str
) -> None:
    world.said = said
    results = world.ask(BOB, "ann@acme.test")
    assert isinstance(results[0], MailboxFailure)
    assert (results[0].code, "secret@" in results[0].message) == (code, False)
    assert isinstance(results[1], MailboxAvailability)
    (fact,) = world.facts
    assert error in fact.event["error_message"]
    assert fact.event["availability_event_successful"] is False
    assert fact.data.get("error") == ("ValueError: secret@example.org is not in the table" if said is fail else None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("MailboxNotFound", "ErrorMailRecipientNotFound"),
        ("ErrorAvailabilityConfigNotFound", "ErrorAvailabilityConfigNotFound"),
        ("ErrorServerBusy", BUSY),
        ("ErrorTimeoutExpired", "ErrorTimeoutExpired"),
        ("ErrorFreeBusyGenerationFailed", FAILED),
        ("ErrorResponseSchemaValidation", "ErrorResponseSchemaValidation"),
        ("ErrorMailRecipientNotFound", FAILED),
        ("Unknown", FAILED),
        ("", FAILED),
    ],
)
def test_a_mailboxs_error_has_the_code_of_the_guide_and_the_call_succeeds(world: World, error: str, code: str) -> None:
    world.said = lambda _: {"mailboxes": [{"mailbox": BOB, "error": error}, busy("eve@example.org")]}
    assert world.codes(BOB, "eve@example.org") == [code, "ok"]
    assert world.facts[0].event["availability_event_successful"] is True


class TestPermission:
    @pytest.mark.parametrize(
        "policy",
        [
            {},
            {"Statement": []},
            {"Statement": [permission() | {"Principal": {"Service": "workmail.us-east-1.amazonaws.com"}}]},
            {"Statement": [permission() | {"Principal": {"Service": "availability.workmail.eu-west-1.amazonaws.com"}}]},
            {"Statement": [permission(ArnLike={"aws:SourceArn": arn("m-" + "c" * 32)})]},
            {"Statement": [permission(StringEquals={"aws:SourceAccount": "999999999999"})]},
            {"Statement": [permission(), permission() | {"Effect": "Deny"}]},
        ],
    )
    def test_a_function_that_does_not_permit_it_is_not_called(self, world: World, policy: dict[str, Any]) -> None:
        world.lambdas.policies[FUNCTION] = policy
        assert world.codes(BOB) == [FAILED]
        assert world.events == []
        (fact,) = world.facts
        assert fact.event["error_message"] == (
            "NOT_PERMITTED: its policy does not allow it: aws --region eu-west-1 lambda add-permission "
            f"--function-name {FUNCTION} --statement-id AllowWorkMailAvailability-{ORG} "
            "--action lambda:InvokeFunction --principal availability.workmail.us-east-1.amazonaws.com "
            f"--source-arn {arn()} --source-account 123456789012"
        )

    def test_once_it_permits_it_there_is_no_rest(self, world: World) -> None:
        world.lambdas.policies[FUNCTION] = {}
        assert world.codes(BOB) == [FAILED]
        world.lambdas.policies[FUNCTION] = {"Statement": [permission()]}
        assert world.codes(BOB) == ["ok"]

    def test_a_function_that_does_not_exist_fails(self, world: World) -> None:
        del world.lambdas.functions[FUNCTION]
        assert world.codes(BOB) == [FAILED]
        assert world.facts[0].event["error_message"] == f"NOT_FOUND: there is no function {FUNCTION}"

    def test_a_function_of_another_account_is_not_called(self, world: World) -> None:
        world.cap_caller = replace(world.cap_caller, account="999999999999")
        found = world.cap_caller.denied(FUNCTION, arn())
        assert found is not None
        assert found.error == "functions of another account than 999999999999 cannot be called"


class TestKept:
    def test_an_answer_is_kept_for_a_minute(self, world: World) -> None:
        world.said = lambda event: {
            "mailboxes": [
                busy(each) if each == BOB else {"mailbox": each, "error": "MailboxNotFound"}
                for each in event["mailboxes"]
            ]
        }
        first = world.ask(BOB, "no@example.org")
        world.now_ms += 59_999
        assert world.ask(BOB, "no@example.org") == first
        assert len(world.events) == len(world.facts) == 1
        assert world.ask(BOB, "eve@example.org")[0] == first[0]
        assert world.events[1]["mailboxes"] == ["eve@example.org"]
        world.now_ms += 1
        world.ask(BOB)
        assert world.events[2]["mailboxes"] == [BOB]

    def test_an_answer_is_kept_for_its_requester_and_window_alone(self, world: World) -> None:
        world.ask(BOB)
        world.ask(BOB, requester=replace(ANN, user_id="ben"))
        world.ask(BOB, end_ms=NOON + 1)
        assert len(world.events) == 3

    @pytest.mark.parametrize("error", ["ErrorServerBusy", "Unknown"])
    def test_what_may_be_over_in_a_moment_is_not_kept(self, world: World, error: str) -> None:
        world.said = lambda _: {"mailboxes": [{"mailbox": BOB, "error": error}]}
        world.ask(BOB)
        world.ask(BOB)
        assert len(world.events) == 2

    def test_a_servers_unknown_mailbox_is_asked_again(self, world: World) -> None:
        assert world.codes("no@example.net") == world.codes("no@example.net") == ["ErrorMailRecipientNotFound"]
        assert len(world.servers.asked) == 2

    def test_a_changed_configuration_is_asked_anew(self, world: World) -> None:
        world.servers.calendars[ENDPOINT]["eve@example.net"] = MailboxAvailability("eve@example.net", (TEA,))
        world.ask("eve@example.net")
        configuration = world.directory.availability(ORG, "example.net")
        assert configuration is not None
        world.passwords.put(ORG, "example.net", "v2", "secret")
        provider = EwsProvider(ENDPOINT, "svc", "v2")
        world.directory.commit([Replace(replace(configuration, provider=provider))])
        world.ask("eve@example.net")
        assert len(world.servers.asked) == 2


class TestRests:
    @pytest.mark.parametrize(("said", "rest_ms"), [(fail, REST_MS), (hang, LONG_REST_MS)])
    def test_a_provider_that_failed_rests(self, world: World, said: Any, rest_ms: int) -> None:
        good, world.said = world.said, said
        world.ask(BOB)
        world.said = good
        world.now_ms += rest_ms - 1
        assert world.codes(BOB, "ann@acme.test") == [BUSY, "ok"]
        assert len(world.events) == len(world.facts) == 1
        world.now_ms += 1
        assert world.codes(BOB) == ["ok"]

    def test_a_throttled_function_rests(self, world: World) -> None:
        world.lambdas.throttled.add(FUNCTION)
        assert world.codes(BOB) == [BUSY]
        world.lambdas.throttled.clear()
        assert world.codes(BOB) == [BUSY]

    def test_what_was_answered_before_the_failure_is_still_answered(self, world: World) -> None:
        world.ask(BOB)
        world.said = fail
        assert world.codes(BOB, "eve@example.org") == ["ok", FAILED]
        assert world.codes(BOB, "eve@example.org") == ["ok", BUSY]

    def test_the_number_of_rests_is_bounded(self) -> None:
        rests = Rests(lambda: 0)
        for number in range(MAX_RESTS + 1):
            rests.begin(str(number), 5)
        assert not rests.is_resting("0")
        assert rests.is_resting("1")


class TestPasswords:
    def test_the_password_of_the_configuration_is_used(self, world: World) -> None:
        world.servers.calendars[ENDPOINT]["eve@example.net"] = MailboxAvailability("eve@example.net", (TEA,))
        world.passwords.put(ORG, "example.net", "v2", "of a change that was not committed")
        assert world.codes("eve@example.net") == ["ok"]

    def test_without_it_the_mailboxes_fail(self, world: World) -> None:
        world.passwords.secrets.clear()
        assert world.codes("eve@example.net") == [FAILED]
        assert "password of the EWS server is gone" in world.facts[0].event["error_message"]
        assert world.servers.asked == []

    def test_under_a_disabled_key_they_fail(self, world: World) -> None:
        world.passwords.disabled = True
        assert world.codes("eve@example.net") == [FAILED]


class TestFacts:
    def test_without_its_order_no_call_is_made(self, world: World) -> None:
        class Broken:
            def commit(self, _: Commit) -> Outcome:
                raise StoreUnavailableError("throttled")

        world.providers = replace(world.providers, transit=Broken())  # type: ignore[arg-type]
        assert world.codes(BOB) == [BUSY]
        assert world.events == []

    def test_an_answer_is_given_though_its_fact_must_wait_for_the_sweep(self, world: World) -> None:
        inner, commits = world.transit, list[Any]()

        class Failing:
            def commit(self, commit: Commit) -> Outcome:
                commits.append(commit)
                if commit.facts:
                    raise StoreUnavailableError("throttled")
                outcome: Outcome = inner.commit(commit)
                return outcome

        world.providers = replace(world.providers, transit=Failing())  # type: ignore[arg-type]
        assert world.codes(BOB) == ["ok"]
        (row,) = world.tables.transit.values()
        stopped = row.entry.stopped(NOON + 1)  # type: ignore[union-attr]
        assert stopped is not None
        assert stopped.id == "provider:id-1/PROVIDER_ASKED"
        assert stopped.event["availability_event_successful"] is False
        assert json.dumps(stopped.event)
