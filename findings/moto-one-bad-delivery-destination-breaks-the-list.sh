#!/usr/bin/env bash
# moto 5.2.5: one PutDeliveryDestination that fails makes every later DescribeDeliveryDestinations fail.
#
# CloudWatch Logs delivers to log groups, buckets and Firehose streams. For the ARN of anything else, a queue for example,
# AWS's model has ValidationException. moto keeps the destination, then fails with an internal error while it
# writes the answer, and from then on whenever it lists destinations. Seen with Python 3.11:
#
#   before: ['good']
#   put: AttributeError 'DeliveryDestination' object has no attribute 'delivery_destination_type'
#   list: AttributeError 'DeliveryDestination' object has no attribute 'delivery_destination_type'
#
# Exit status 0 as long as moto does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'moto[logs]==5.2.5'
"$folder/venv/bin/python" - <<'PYTHON'
import boto3
from moto import mock_aws


def put(name, arn):
    logs.put_delivery_destination(name=name, deliveryDestinationConfiguration={"destinationResourceArn": arn})


with mock_aws():
    logs = boto3.client("logs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    put("good", "arn:aws:s3:::bucket")
    print("before:", [each["name"] for each in logs.describe_delivery_destinations()["deliveryDestinations"]])
    for said, call in (
        ("put", lambda: put("bad", "arn:aws:sqs:us-east-1:123456789012:queue")),
        ("list", logs.describe_delivery_destinations),
    ):
        try:
            call()
        except AttributeError as error:
            print(f"{said}: AttributeError {error}")
        else:
            raise SystemExit(f"{said}: no error")
PYTHON
