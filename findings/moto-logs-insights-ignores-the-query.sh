#!/usr/bin/env bash
# moto 5.2.5 answers a CloudWatch Logs Insights query as if `filter` and `stats` were not in it.
#
# A client gets no error: it gets all events, as many as `limit` allows. AWS returns the events that match, or one
# row of counts. A test that passes on moto therefore does not check the query. Seen with Python 3.11:
#
#   fields @message | filter @message like /apple/ -> ['an apple', 'a pear', 'a plum']
#   filter @message like /apple/ | stats count(*) as n -> 3 rows
#
# Exit status 0 as long as moto does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'moto[logs]==5.2.5'
"$folder/venv/bin/python" - <<'PYTHON'
import time

import boto3
from moto import mock_aws


def rows(logs, query):
    now = int(time.time())
    started = logs.start_query(logGroupName="fruit", startTime=now - 60, endTime=now + 60, queryString=query)
    return logs.get_query_results(queryId=started["queryId"])["results"]


with mock_aws():
    logs = boto3.client(
        "logs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    logs.create_log_group(logGroupName="fruit")
    logs.create_log_stream(logGroupName="fruit", logStreamName="basket")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": text} for n, text in enumerate(["an apple", "a pear", "a plum"])]
    logs.put_log_events(logGroupName="fruit", logStreamName="basket", logEvents=events)

    query = "fields @message | filter @message like /apple/"
    messages = [cell["value"] for row in rows(logs, query) for cell in row if cell["field"] == "@message"]
    print(query, "->", messages)
    assert sorted(messages) == ["a pear", "a plum", "an apple"], messages

    query = "filter @message like /apple/ | stats count(*) as n"
    answered = rows(logs, query)
    print(query, "->", len(answered), "rows")
    assert len(answered) == 3, answered
    assert not any(cell["field"] == "n" for row in answered for cell in row)
PYTHON
