#!/usr/bin/env bash
# moto 5.2.5: a state machine can be started only once without a name for the execution.
#
# AWS makes a name for each execution if StartExecution gives none. moto with `execute_state_machine` names every
# such execution "None". A second start with another input, which is a valid call, is therefore refused; a second start
# with the same input runs nothing and returns the first execution. Seen with Python 3.11:
#
#   first: arn:aws:states:us-east-1:123456789012:execution:greet:None
#   second: ExecutionAlreadyExists
#
# Exit status 0 as long as moto does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'moto[stepfunctions]==5.2.5'
"$folder/venv/bin/python" - <<'PYTHON'
import json

import boto3
from moto import mock_aws

with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
    states = boto3.client(
        "stepfunctions", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    machine = states.create_state_machine(
        name="greet",
        definition=json.dumps({"StartAt": "Hello", "States": {"Hello": {"Type": "Pass", "End": True}}}),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]
    first = states.start_execution(stateMachineArn=machine, input=json.dumps({"to": "Ann"}))["executionArn"]
    print("first:", first)
    assert first.endswith(":execution:greet:None"), first
    try:
        states.start_execution(stateMachineArn=machine, input=json.dumps({"to": "Ben"}))
    except states.exceptions.ExecutionAlreadyExists:
        print("second: ExecutionAlreadyExists")
    else:
        raise SystemExit("the second execution was started")
PYTHON
