"""The ids of a flow."""

from __future__ import annotations

import re

import pytest

from postroom.model.facts import (
    flow_message_id,
    lone_trace_of,
    message_part,
    reply_trace,
    split_trace,
    trace_of,
    traces_of_message,
)

TRACE = trace_of("ses-1", "m-1")


LONE = lone_trace_of("ses-1", "m-1")


def test_a_flows_message_id_is_its_trace_as_a_uuid_and_leads_back_to_it() -> None:
    for trace in (TRACE, LONE):
        message_id = flow_message_id(trace)
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", message_id)
        assert trace in traces_of_message(message_id)
    assert flow_message_id(TRACE) == TRACE


def test_the_flows_of_a_message_and_the_answers_to_them_begin_alike() -> None:
    traces = {TRACE, trace_of("ses-1", "m-2"), reply_trace(TRACE, "room"), reply_trace(TRACE, "beamer")}
    assert len(traces) == 4
    assert {(split_trace(trace) or ("",))[0] for trace in traces} == {message_part("ses-1")}
    assert message_part("ses-2") != message_part("ses-1")


def test_a_trace_of_an_earlier_version_and_what_is_no_flow_belong_to_no_message() -> None:
    for trace in (LONE, reply_trace(LONE, "room"), f"arrival:{TRACE}", "organization:m-1", f"export:{TRACE}"):
        assert split_trace(trace) is None


@pytest.mark.parametrize(
    "message_id",
    ["", LONE, flow_message_id(TRACE).upper(), flow_message_id(TRACE) + "\n", f"{flow_message_id(TRACE)}-", "../x"],
)
def test_what_is_not_written_so_is_no_message_of_ours(message_id: str) -> None:
    assert traces_of_message(message_id) == ()
