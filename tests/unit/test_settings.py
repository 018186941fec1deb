"""Settings are typed, read as a whole, and do not change."""

from __future__ import annotations

from typing import Any, cast

import pytest

from postroom.bootstrap.settings import Arn, OrderQueueSettings, Settings, Url
from postroom.contracts.orders import STATIONS, Station
from postroom.errors import SettingsError


class Shared(Settings):
    table: str


class Example(Shared):
    queue_url: Url
    key_arn: Arn
    strict: bool
    size: int = 7
    nickname: str | None = None


GIVEN = {
    "TABLE": "t",
    "QUEUE_URL": "http://127.0.0.1:4566/q",
    "KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/k",
    "STRICT": "DISABLED",
}


def test_each_variable_becomes_a_value_of_its_fields_type() -> None:
    read = Example.read({**GIVEN, "SIZE": "12", "NICKNAME": "n", "OTHER": "o"})
    assert vars(read) == {
        "table": "t",
        "queue_url": "http://127.0.0.1:4566/q",
        "key_arn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "strict": False,
        "size": 12,
        "nickname": "n",
    }


def test_a_field_with_a_default_need_not_be_set() -> None:
    read = Example.read({**GIVEN, "SIZE": ""})
    assert (read.size, read.nickname) == (7, None)


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_a_blank_variable_counts_as_not_set(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^Example: not set: TABLE [(]"):
        Example.read({**GIVEN, "TABLE": text})
    assert Example.read({**GIVEN, "SIZE": text}).size == 7


def test_the_environment_is_read_unless_variables_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE", "t")
    assert Shared.read().table == "t"


def test_every_fault_is_in_one_error() -> None:
    with pytest.raises(SettingsError) as caught:
        Example.read({"KEY_ARN": "", "QUEUE_URL": "q", "STRICT": "ENABLED", "SIZE": "many"})
    assert str(caught.value) == (
        "Example: not set: TABLE, KEY_ARN; QUEUE_URL is not an http or https URL; SIZE is not a whole number of at"
        " least 1 (template.yaml sets the variables of functions)"
    )


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("STRICT", "enabled", "ENABLED or DISABLED"),
        ("STRICT", "true", "ENABLED or DISABLED"),
        ("SIZE", "0", "a whole number of at least 1"),
        ("SIZE", "-1", "a whole number of at least 1"),
        ("SIZE", "1.5", "a whole number of at least 1"),
        ("SIZE", "\N{ARABIC-INDIC DIGIT FIVE}", "a whole number of at least 1"),
        ("SIZE", "9" * 5000, "a whole number of at least 1"),
        ("QUEUE_URL", "arn:aws:sqs:us-east-1:123456789012:q", "an http or https URL"),
        ("KEY_ARN", "arn:aws:kms", "an ARN"),
        ("KEY_ARN", "https://kms:us-east-1:1:2:3/", "an ARN"),
    ],
)
def test_a_malformed_value_is_an_error_that_does_not_quote_it(name: str, value: str, kind: str) -> None:
    with pytest.raises(SettingsError, match=f"^Example: {name} is not {kind} [(]template.yaml") as caught:
        Example.read({**GIVEN, name: value})
    assert len(str(caught.value)) < 200
    assert caught.value.__cause__ is None


def test_a_function_that_sends_orders_of_every_kind_is_told_the_queue_of_each_station_with_orders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Sends(OrderQueueSettings):
        table: str

    orders = STATIONS["deliver"].orders
    more = {"new": Station("NEW_QUEUE_URL", orders), "events": Station("EVENTS_QUEUE_URL")}
    monkeypatch.setattr("postroom.contracts.orders.STATIONS", {"deliver": STATIONS["deliver"], **more})
    assert Sends.variables() == {"TABLE": "str", "DELIVER_QUEUE_URL": "Url", "NEW_QUEUE_URL": "Url"}
    with pytest.raises(SettingsError, match="not set: NEW_QUEUE_URL"):
        Sends.read({"TABLE": "t", "DELIVER_QUEUE_URL": "http://q"})


def test_settings_do_not_change() -> None:
    read = cast("Any", Example.read(GIVEN))
    with pytest.raises(AttributeError, match="table: settings do not change"):
        read.table = "other"
