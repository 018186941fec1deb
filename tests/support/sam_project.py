"""A small SAM project that exercises everything the local stack executes. Functions record their events."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.13, Handler: app.handler, CodeUri: code/, Timeout: 5}}
Resources:
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  Dead: {Type: AWS::SQS::Queue}
  GivenUp: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Work.Arn, RawMessageDelivery: true}
  Bucket: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  Plain:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Statement:
        - Effect: Deny
          Principal: "*"
          Action: s3:*
          Resource: !GetAtt Bucket.Arn
          Condition: {Bool: {aws:SecureTransport: "false"}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
  RuleSet: {Type: AWS::SES::ReceiptRuleSet, Properties: {RuleSetName: rules}}
  QueueFunction:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {SEEN: queue, TABLE: !Ref Table}}
      Events:
        Queue:
          Type: SQS
          Properties: {Queue: !GetAtt Work.Arn, BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]}
  StreamFunction:
    Type: AWS::Serverless::Function
    Properties:
      ReservedConcurrentExecutions: 1
      Environment: {Variables: {SEEN: stream}}
      Events:
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 1
            FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt GivenUp.Arn}}
  TimerFunction:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {SEEN: timer}}
      Events:
        Timer: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
  ApiFunction:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {SEEN: api}}
      Events:
        Call: {Type: Api, Properties: {Path: /hello, Method: post}}
  CustomFunction:
    Type: AWS::Serverless::Function
    Properties: {Environment: {Variables: {SEEN: custom}}}
  Custom:
    Type: Custom::Thing
    Properties: {ServiceToken: !GetAtt CustomFunction.Arn, Flag: true}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {}}
"""

CODE = """
import json, os, pathlib, urllib.request

SEEN = pathlib.Path(__file__).parent.parent / f"seen-{os.environ['SEEN']}.jsonl"

def handler(event, context):
    with SEEN.open("a") as seen:
        seen.write(json.dumps(event) + "\\n")
    if "ResponseURL" in event:
        body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "x"}).encode()
        urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))
    if "httpMethod" in event:
        return {"statusCode": 201, "body": event["body"].upper(), "headers": {"X-One": "1"}}
    records = event.get("Records", [])
    if any("poison" in json.dumps(record.get("dynamodb", {})) for record in records):
        raise ValueError("poison")
    failed = [record["messageId"] for record in records if record.get("body") == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
"""


def write(folder: Path, template: str = TEMPLATE) -> Path:
    """Write the project into a folder and return it."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / "app.py").write_text(CODE)
    (folder / "template.yaml").write_text(template)
    return folder


def seen(folder: Path, what: str) -> list[dict[str, Any]]:
    """Return the events that a function was given, in order, without one that is still being written."""
    path = folder / f"seen-{what}.jsonl"
    *written, _ = path.read_text().split("\n") if path.exists() else [""]
    return [json.loads(line) for line in written]


def wait_for(condition: Callable[[], Any], seconds: float = 240.0) -> Any:
    """Return the first true value; fail after a time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value
