"""`postroom queue`, on template.yaml in this process."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from cli import output, running
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from postroom.errors import StoreUnavailableError
from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.ports.open_transmissions import Attempt, NotDue
from postroom.ports.transit import Commit, SettleIfThere
from tests.support.builders import OTHER, journal, transmission
from tests.support.in_process import InProcessStack, deployed
from tests.support.waiting_orders import LOGIN, let_run, let_wait, now_ms, open_transmissions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.contracts.outbound_orders import TransmitOrder

    from .conftest import Run

DOCUMENTED: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
CARL, DORA = "carl@partner.example", "Dora@sub.Partner.example"


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        yield stack


@pytest.fixture(scope="module")
def organization(stack: InProcessStack) -> str:
    return str(stack.client("workmail").create_organization(Alias="acme")["OrganizationId"])


@pytest.fixture(scope="module")
def gateway(stack: InProcessStack, organization: str) -> str:
    made: Any = stack.client("workmail").create_smtp_gateway(
        OrganizationId=organization, Name="Partner", Host="mx.partner.com", Port=587, UserName="u", Password="p"
    )
    return str(made["SmtpGatewayId"])


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)


@pytest.fixture
def orders(stack: InProcessStack, organization: str, gateway: str) -> Iterator[dict[str, TransmitOrder]]:
    """By what they do: one waits for a gateway, one for SES, one is being tried, one is new."""
    now = now_ms()

    def made(digit: str, **changes: Any) -> TransmitOrder:
        fields = {"organization_id": organization, "recipients": (CARL,), "since": now - int(digit) * HOUR_MS}
        return transmission(trace=digit * 32, **fields | changes)

    by = {
        "gateway": made("4", gateway_id=gateway, name=f"{gateway}:1", recipients=(CARL, DORA), size=2048),
        "SES": made("3", recipients=("eve@elsewhere.example",), envelope_from=""),
        "runs": made("2"),
        "new": made("1", organization_id=OTHER),
    }
    let_wait(stack, by["gateway"], now + HOUR_MS, DORA)
    let_wait(stack, by["SES"], now + HOUR_MS)
    let_run(stack, by["runs"])
    stack.operator().transit.commit(Commit(orders=[by["new"]]))
    yield by
    for order in by.values():
        stack.operator().transit.commit(Commit([SettleIfThere(order)]))


@pytest.fixture(autouse=True)
def forgotten_facts(stack: InProcessStack) -> Iterator[None]:
    """Each test has facts of its own."""
    yield
    table, dynamodb = stack.settings()["LEDGER_TABLE"], stack.client("dynamodb")
    for row in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"pk": row["pk"], "sk": row["sk"]})


def listed(run: Run, *options: str) -> list[dict[str, Any]]:
    result = run("queue", "list", *options, "--json")
    assert result.exit_code == 0, result.exception
    read: list[dict[str, Any]] = json.loads(result.output)
    return read


def traces(run: Run, *options: str) -> str:
    return "".join(row["traceId"][0] for row in listed(run, *options))


def refusal(result: Any) -> str:
    assert isinstance(result.exception, RefusedError), result.output
    return str(result.exception)


def sent(stack: InProcessStack) -> list[str]:
    """Take what the queue of transmit has, and return its traces."""
    queue, sqs = stack.settings()["TRANSMIT_QUEUE_URL"], stack.client("sqs")
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"])["trace"][0])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found)


@pytest.mark.usefixtures("orders")
class TestList:
    def test_a_row_says_what_waits_for_what_and_until_when(
        self, run: Run, organization: str, gateway: str, orders: dict[str, TransmitOrder]
    ) -> None:
        order = orders["gateway"]
        first = listed(run)[0]
        assert first.pop("nextAttempt") > output.rfc3339(now_ms())
        assert first == {
            "traceId": order.trace,
            "what": "message",
            "organizationId": organization,
            "organization": "acme",
            "since": output.rfc3339(order.since),
            "size": 2048,
            "envelopeFrom": "ann@acme.test",
            "recipients": [DORA],
            "gatewayId": gateway,
            "gateway": "Partner",
            "server": "mx.partner.com",
            "attempts": 1,
            "isRunning": False,
            "lastAttempt": output.rfc3339(order.since + 1000),
            "status": LOGIN.status,
            "reason": LOGIN.diagnostic,
            "until": output.rfc3339(order.since + 2 * DAY_MS),
        }

    def test_the_oldest_is_first(self, run: Run) -> None:
        assert traces(run) == "4321"

    @pytest.mark.parametrize(
        ("options", "those"),
        [
            (("--organization", "acme"), "432"),
            (("--gateway", "partner"), "4"),
            (("--gateway", "GATEWAY"), "4"),
            (("--gateway", "other"), ""),
            (("--recipient", "elsewhere.example"), "3"),
            (("--recipient", "dora@SUB.partner.example"), "4"),
            (("--recipient", "carl@*"), "21"),
            (("--recipient", "*.partner.example"), "4"),
            (("--recipient", "partner.example", "--organization", "acme"), "2"),
        ],
    )
    def test_options_select(self, run: Run, gateway: str, options: tuple[str, ...], those: str) -> None:
        assert traces(run, *(each.replace("GATEWAY", gateway) for each in options)) == those

    @pytest.mark.parametrize("name", ["other", "m-" + "c" * 32])
    def test_an_organization_that_is_not_there_is_refused(self, run: Run, name: str) -> None:
        assert refusal(run("queue", "list", "--organization", name)) == f"no organization {name}"

    def test_people_read_it_by_message(self, run: Run, orders: dict[str, TransmitOrder]) -> None:
        said = run("queue", "list").output
        until = output.short_time(orders["gateway"].since + 2 * DAY_MS)
        first, way, why, to, *rest = said.splitlines()
        assert first.endswith("  2.0 KB  ann@acme.test  acme")
        assert re.fullmatch(
            rf"    by gateway Partner \(mx.partner.com\): 1 attempt, next in .+, tried until {until}", way
        )
        assert why == f"    {LOGIN.diagnostic}"
        assert to == f"    {DORA}"
        assert any("by SES: 1 attempt, next in" in line for line in rest)
        assert any("by SES: attempt 1 runs" in line for line in rest)
        assert any("by SES: not tried yet" in line for line in rest)
        assert any(line.endswith("  100 B  <>  acme") for line in rest)
        assert rest[-1] == "4 in the queue, 2.3 KB"

    def test_reports_of_the_journal_are_named(self, run: Run, stack: InProcessStack, organization: str) -> None:
        report, notice = journal(organization_id=organization), journal("no", organization_id=organization)
        stack.operator().transit.commit(Commit(orders=[report, notice]))
        rows = listed(run, "--recipient", "*@*.example")
        said = run("queue", "list").output
        for each in (report, notice):
            stack.operator().transit.commit(Commit([SettleIfThere(each)]))
        assert {(row["what"], *row["recipients"]) for row in rows if row["what"] != "message"} == {
            ("journal report", report.address),
            ("journal notice", report.report_address),
        }
        assert "<>  acme  [journal report]\n" in said

    def test_a_gateway_that_is_gone_has_its_id(self, run: Run, stack: InProcessStack, organization: str) -> None:
        gone = transmission(trace="9" * 32, organization_id=organization, gateway_id="gone-1", since=now_ms() - DAY_MS)
        let_wait(stack, gone, now_ms() + HOUR_MS)
        row, said = listed(run, "--gateway", "gone-1")[0], run("queue", "list", "--gateway", "gone-1").output
        stack.operator().transit.commit(Commit([SettleIfThere(gone)]))
        assert (row["gatewayId"], row["gateway"], row["server"]) == ("gone-1", "", "")
        assert "by gateway gone-1: 1 attempt" in said

    def test_controls_in_an_answer_are_not_printed(self, run: Run, stack: InProcessStack) -> None:
        order = transmission(trace="8" * 32, recipients=("x@nasty.example",))
        let_wait(stack, order, now_ms() + HOUR_MS, answer=replace(LOGIN, diagnostic="450 \x1b[2Jno"))
        said = run("queue", "list", "--recipient", "nasty.example").output
        stack.operator().transit.commit(Commit([SettleIfThere(order)]))
        assert "\x1b[2J" not in said
        assert "[2Jno" in said

    def test_the_members_are_those_that_are_documented(self, run: Run) -> None:
        section = re.search(r"^## queue list\n(.*?)(?=^## |\Z)", DOCUMENTED, re.MULTILINE | re.DOTALL)
        assert section is not None
        assert set(re.findall(r"^\| `(\w+)` \|", section[1], re.MULTILINE)) == set(listed(run)[0])

    def test_what_a_table_answered_before_it_failed_is_a_whole_array(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(row: Any, *_: object) -> dict[str, Any]:
            if row.order.trace.startswith("2"):
                raise StoreUnavailableError("could not read a table: throttled")
            return {"traceId": row.order.trace}

        monkeypatch.setattr("cli.commands.outgoing_queue.as_row", fails)
        result = run("queue", "list", "--json")
        assert [row["traceId"][0] for row in json.loads(result.output)] == ["4", "3"]
        assert "throttled" in refusal(result)


def test_an_empty_queue_is_said(run: Run) -> None:
    assert run("queue", "list").output == "nothing waits to leave\n"
    assert run("queue", "retry", "--all").output == "nothing waits to leave\n"
    assert listed(run) == []


@pytest.mark.usefixtures("orders")
def test_a_choice_that_nothing_meets_is_repeated(run: Run) -> None:
    said = "nothing waits to leave: --gateway relay9\n"
    assert run("queue", "list", "--gateway", "relay9").output == said
    assert run("queue", "retry", "--gateway", "relay9").output == said
    assert run("queue", "list", "--recipient", "[x]").output == "nothing waits to leave: --recipient [x]\n"


class TestRetry:
    def test_what_waits_for_a_gateway_is_due_and_in_the_queue(
        self, run: Run, stack: InProcessStack, orders: dict[str, TransmitOrder]
    ) -> None:
        sent(stack)
        result = run("queue", "retry", "--gateway", "Partner")
        assert (result.exit_code, result.output) == (0, f"{orders['gateway'].trace}: tried now\n")
        assert sent(stack) == ["4"]
        open_ = open_transmissions(stack)
        assert open_.begin(orders["gateway"], run="next", again_after_ms=1000) == Attempt(2)
        assert isinstance(open_.begin(orders["SES"], run="next", again_after_ms=1000), NotDue)

    def test_traces_may_be_named_as_trace_names_them(
        self, run: Run, stack: InProcessStack, orders: dict[str, TransmitOrder]
    ) -> None:
        sent(stack)
        dashed = "33333333-3333-3333-3333-333333333333"
        assert run("queue", "retry", dashed, orders["gateway"].trace).exit_code == 0
        assert sent(stack) == ["3", "4"]

    def test_all_says_of_each_what_became_of_it(
        self, run: Run, stack: InProcessStack, orders: dict[str, TransmitOrder]
    ) -> None:
        sent(stack)
        result = run("queue", "retry", "--all")
        assert result.exit_code == 0
        assert result.output.splitlines() == [
            f"{orders['gateway'].trace}: tried now",
            f"{orders['SES'].trace}: tried now",
            f"{orders['runs'].trace}: an attempt runs, or has ended just now",
            f"{orders['new'].trace}: its first attempt comes by itself",
        ]
        assert sent(stack) == ["3", "4"]

    def test_of_one_organization(self, run: Run, orders: dict[str, TransmitOrder]) -> None:
        said = run("queue", "retry", "--all", "--organization", "acme").output
        assert orders["new"].trace not in said
        assert orders["SES"].trace in said

    def test_a_trace_of_which_an_attempt_runs_is_refused_and_the_others_are_tried(
        self, run: Run, orders: dict[str, TransmitOrder]
    ) -> None:
        result = run("queue", "retry", orders["runs"].trace, orders["SES"].trace)
        assert refusal(result) == f"{orders['runs'].trace}: an attempt runs, or has ended just now"
        assert f"{orders['SES'].trace}: tried now" in result.output

    @pytest.mark.usefixtures("orders")
    def test_a_trace_of_which_nothing_waits_is_refused(self, run: Run) -> None:
        assert refusal(run("queue", "retry", "nothing")) == "nothing of nothing waits to leave"

    @pytest.mark.parametrize(
        "arguments", [(), ("t", "--all"), ("--all", "--gateway", "g"), ("t", "--organization", "acme")]
    )
    def test_one_choice_is_asked_for(self, run: Run, arguments: tuple[str, ...]) -> None:
        assert isinstance(run("queue", "retry", *arguments).exception, UsageError)
