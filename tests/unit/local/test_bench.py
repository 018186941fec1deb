"""What a message costs: the counts, which are exact. Times are measured by scripts/bench, never here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import audit, availability, bill, expansion, export_bill, idle, outbound
from benchmarks.__main__ import BUDGET_CALLING, BUDGET_DOLLARS, Result
from benchmarks.meter import Meter
from benchmarks.prices import PRICES, Unit
from local.template.reading import load
from postroom.adapters.aws import clients
from tests.unit.template.conftest import ROOT

if TYPE_CHECKING:
    from benchmarks.bill import Bill
    from tests.support.stack import Stack

TABLE = "transit_table"


@pytest.fixture(scope="module")
def small() -> Bill:
    return bill.count(users=2, patterns=1)


def test_the_price_of_a_message_is_within_its_budget(small: Bill) -> None:
    assert small.dollars <= BUDGET_DOLLARS


def test_a_message_takes_so_many_units_and_no_more(small: Bill) -> None:
    """What docs/performance.md says; the rest of the bill is KMS by the minute and logs by the byte."""
    assert {unit: count for unit, count in small.by_unit().items() if unit not in {Unit.KMS, Unit.LOGS}} == {
        Unit.DYNAMODB_WRITE: 7,  # ingest's fact; deliver's head, item and fact, twice each for the transaction
        Unit.DYNAMODB_READ: 8,
        Unit.S3_PUT: 1,
        Unit.S3_GET: 2,
        Unit.SNS: 1,
        Unit.SQS: 6,
        Unit.SQS_FAIR: 3,
    }


def test_a_message_costs_the_same_with_many_users_and_many_rules(small: Bill) -> None:
    large = bill.count(users=400, patterns=1000)
    assert large.calls == small.calls
    assert large.units == small.units


def test_a_rule_that_decides_adds_one_fact_and_nothing_else(small: Bill) -> None:
    """The fact takes two units, and ingest's own one more, because two rows take a transaction."""
    decided = bill.count(users=2, patterns=1000, matching=True)
    more = {unit: count - small.by_unit()[unit] for unit, count in decided.by_unit().items()}
    assert {unit for unit, count in more.items() if count} == {Unit.DYNAMODB_WRITE, Unit.LOGS}
    assert more[Unit.DYNAMODB_WRITE] == 3
    assert sum(decided.calls.values()) == sum(small.calls.values())
    assert decided.calls["IngestFunction", "TransactWriteItems"] == small.calls["IngestFunction", "PutItem"] == 1


def test_a_rule_that_calls_a_function_adds_five_calls_beside_the_functions(small: Bill) -> None:
    asked = bill.count(users=2, patterns=1, calling=True)
    assert asked.calls["RunSyncRuleFunction", "Invoke"] == 1
    more = sum(asked.ours().values()) - sum(small.ours().values())
    assert more <= BUDGET_CALLING, asked.ours()


def test_a_message_makes_no_call_that_grows_with_the_stack(small: Bill) -> None:
    assert not {"Scan", "ListObjectsV2", "PutMetricData"} & {operation for _, operation in small.calls}
    assert small.by_unit()[Unit.S3_PUT] == 1  # the sealed copy
    assert Unit.EVENTS not in small.by_unit()  # nobody listens


def test_a_sent_message_takes_so_many_units_and_its_journal_report_so_many_more() -> None:
    """What docs/performance.md says. The first message of a day has one write more, for the account's quota."""
    messages, sent, unpriced = 2, outbound.count(messages=2), {Unit.KMS, Unit.LOGS}
    assert sent.dollars <= outbound.BUDGET
    assert {unit: count for unit, count in sent.by_unit().items() if unit not in unpriced} == {
        Unit.DYNAMODB_WRITE: 11 + 1 / messages,  # head, item, fact and order, twice; claim, end, the order's removal
        Unit.DYNAMODB_READ: 8,
        Unit.S3_PUT: 1,
        Unit.S3_GET: 1,
        Unit.SQS: 3,
        Unit.SQS_FAIR: 3,
        Unit.SES_SENT: 1,
    }
    journaled = outbound.count(journaled=True, messages=messages)
    more = {unit: count - sent.by_unit()[unit] for unit, count in journaled.by_unit().items() if unit not in unpriced}
    assert {unit: count for unit, count in more.items() if count} == {
        Unit.DYNAMODB_WRITE: 5,
        Unit.DYNAMODB_READ: 3,
        Unit.S3_GET: 1,
        Unit.SQS: 2,
        Unit.SQS_FAIR: 2,
        Unit.SES_SENT: 1,
    }


def test_an_exported_message_takes_one_call_of_aws() -> None:
    found = export_bill.measure_message()
    made = {call: count for call, count in found.calls.items() if count}
    assert made == {("PackExportFunction", "GetObject"): 1}
    assert found.units["PlanExportFunction", Unit.DYNAMODB_READ] < 0.2, "its row, with a thousand others"
    assert found.requests <= export_bill.BUDGET


def test_audit_records_share_calls_and_cost_what_they_may() -> None:
    found = audit.measure(batches=2)
    assert found.calls == {"log group": 0.1, "bucket": 0.3, "stream": 0.2}
    assert max(found.calls.values()) <= audit.BUDGET_CALLS
    assert found.dollars <= audit.BUDGET_DOLLARS


def test_free_busy_information_takes_two_calls_and_reads_nothing_of_the_past(stack: Stack) -> None:
    calendars = availability.Calendars(stack.dynamodb)
    rows = {}
    for years in (1, 3):
        calendars.fill(f"{years} years", availability.history(years, events_per_week=1))
        with calendars.counted():
            assert calendars.ask(f"{years} years") == 12
        assert calendars.calls == availability.BUDGET_CALLS
        calendars.ask(f"{years} years")  # its answers are known now
        rows[years] = calendars.rows
    assert rows == {1: 5, 3: 5}


def test_no_table_has_an_index_that_the_count_leaves_out() -> None:
    resources = load(ROOT / "template.yaml")["Resources"].values()
    tables = [each["Properties"] for each in resources if each["Type"] == "AWS::DynamoDB::Table"]
    assert tables
    assert not [each for each in tables if {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} & set(each)]


def test_every_unit_has_a_price_with_its_source() -> None:
    assert set(PRICES) == set(Unit)
    assert all(price.source.startswith("aws.amazon.com/") for price in PRICES.values())


@pytest.mark.parametrize(("figure", "holds"), [(1.99, True), (2.0, True), (2.01, False)])
def test_a_budget_holds_up_to_its_figure(figure: float, holds: bool) -> None:
    assert Result("x", figure, 2.0, "times").holds is holds


class TestMeter:
    @pytest.fixture
    def meter(self, stack: Stack) -> Meter:
        made = Meter()
        made.listen()
        return made

    def units(self, meter: Meter) -> dict[Unit, float]:
        return {unit: count for (_, unit), count in meter.units.items()}

    def row(self, size: int) -> dict[str, Any]:
        """Return a row of so many bytes: names and values."""
        return {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"S": "y" * (size - 7)}}

    @pytest.mark.parametrize(("size", "units"), [(1024, 1), (1025, 2), (3000, 3)])
    def test_a_write_counts_by_the_kilobyte(self, meter: Meter, size: int, units: int) -> None:
        with meter.of("f"):
            clients.dynamodb().put_item(TableName=TABLE, Item=self.row(size))
        assert self.units(meter) == {Unit.DYNAMODB_WRITE: units}

    def test_a_transaction_counts_twice_and_a_delete_by_what_it_deletes(self, meter: Meter) -> None:
        client = clients.dynamodb()
        client.put_item(TableName=TABLE, Item=self.row(3000))
        key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
        with meter.of("f"):
            client.transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": key}}])
        assert self.units(meter) == {Unit.DYNAMODB_WRITE: 6}

    @pytest.mark.parametrize(("size", "consistent", "units"), [(4096, True, 1), (4097, True, 2), (4096, False, 0.5)])
    def test_a_read_counts_by_four_kilobytes(self, meter: Meter, size: int, consistent: bool, units: float) -> None:
        client = clients.dynamodb()
        client.put_item(TableName=TABLE, Item=self.row(size))
        with meter.of("f"):
            client.get_item(TableName=TABLE, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}, ConsistentRead=consistent)
        assert self.units(meter) == {Unit.DYNAMODB_READ: units}

    def test_rows_that_are_not_there_are_paid_for(self, meter: Meter) -> None:
        keys = [{"pk": {"S": "a"}, "sk": {"S": str(n)}} for n in range(3)]
        with meter.of("f"):
            clients.dynamodb().batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
        assert self.units(meter) == {Unit.DYNAMODB_READ: 3}

    def test_sending_counts_by_64_kilobytes_and_groups_cost_more(self, meter: Meter, stack: Stack) -> None:
        url = stack.environment["DELIVER_QUEUE_URL"]
        with meter.of("f"):
            clients.sqs().send_message(QueueUrl=url, MessageBody="x" * (64 * 1024 + 1), MessageGroupId="g")
        assert self.units(meter) == {Unit.SQS: 2, Unit.SQS_FAIR: 2}

    def test_calls_that_no_function_makes_are_not_on_the_bill(self, meter: Meter) -> None:
        clients.dynamodb().put_item(TableName=TABLE, Item=self.row(100))
        assert not meter.units

    def test_a_call_without_a_price_stops_the_count(self, meter: Meter) -> None:
        with meter.of("f"), pytest.raises(LookupError, match="DescribeTable"):
            clients.dynamodb().describe_table(TableName=TABLE)


def test_the_entries_of_the_bench_list_what_the_libraries_list() -> None:
    texts = [expansion.text(number, age_years=3) for number in range(3)]
    ours = expansion.by_entries([expansion.frozen(each) for each in texts])
    assert ours == expansion.by_libraries(texts)
    assert all(len(each) > expansion.EVENTS for each in ours)


def test_a_stack_without_mail_costs_what_its_budget_allows() -> None:
    assert idle.measure().budgeted <= idle.BUDGET


def test_an_idle_queue_costs_less_without_a_maximum_of_its_own() -> None:
    small, large = (idle.measure(quota).units for quota in (idle.SMALL_QUOTA, idle.QUOTA))
    assert small[Unit.SQS] > large[Unit.SQS]
    assert {**small, Unit.SQS: 0} == {**large, Unit.SQS: 0}
