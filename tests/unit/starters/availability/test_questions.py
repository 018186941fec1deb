"""Questions and answers of the availability functions, deadlines, and a secret that is not there."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.starters.src.availability import questions
from functions.starters.src.availability.ews_server import app as ews_server
from functions.starters.src.availability.questions import Deadline
from functions.starters.src.availability.secret import Secret
from tests.support.availability_starters import ANN, BEN, EVENT, QUESTION


def test_a_secret_that_is_not_there_is_secrets_managers_own_error() -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Secret("none", ews_server.read).value()


class TestQuestions:
    @pytest.mark.parametrize(
        "change",
        [
            {"mailboxes": "ann@partner.example"},
            {"mailboxes": [1]},
            {"mailboxes": ["a@b.example"] * 101},
            {"window": {"startDate": "2026-12-02T00:00:00Z", "endDate": "2026-12-02T00:00:00Z"}},
            {"window": {"startDate": "2026-12-02T00:00:00Z", "endDate": "2027-12-02T00:00:00Z"}},
            {"window": {"startDate": "2026-12-02T00:00:00", "endDate": "2026-12-03T00:00:00"}},
            {"window": {"startDate": "tomorrow", "endDate": "2026-12-03T00:00:00Z"}},
        ],
    )
    def test_what_is_no_question_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"."):
            questions.read({**QUESTION, **change})

    def test_offsets_and_milliseconds_are_heeded(self) -> None:
        window = {"startDate": "2026-12-02T01:00:00.000+01:00", "endDate": "2026-12-03T00:00:00.500Z"}
        _, read = questions.read({**QUESTION, "window": window})
        assert (read.start.isoformat(), read.end.isoformat()) == ("2026-12-02T00:00:00", "2026-12-03T00:00:00.500000")

    def test_an_answer_that_is_too_large_has_no_details_and_then_fewer_mailboxes(self) -> None:
        event = {**EVENT, "details": {"subject": "x" * 255}}
        answers = [
            {"mailbox": ANN, "events": [dict(event)] * 2},
            {"mailbox": BEN, "events": [dict(event) for _ in range(4000)]},
        ]
        fitting = questions.whole(copy.deepcopy(answers))
        assert ["details" in each["events"][0] for each in fitting["mailboxes"]] == [False, False]
        answers[1]["events"] = [dict(event) for _ in range(20_000)]
        large = questions.whole(copy.deepcopy(answers))
        assert [each.get("error") for each in large["mailboxes"]] == [None, "ErrorFreeBusyGenerationFailed"]
        assert len(json.dumps(large)) < questions.MOST_ANSWER_BYTES

    def test_a_deadline_is_below_what_workmail_waits_and_what_lambda_leaves(self) -> None:
        class Context:
            @staticmethod
            def get_remaining_time_in_millis() -> int:
                return 4000

        assert 2 < Deadline.of(Context()).left() <= 2.5
        assert Deadline.of(None).left() < 25
