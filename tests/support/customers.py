"""Customers' SAM projects, laid out as the published samples of WorkMail are."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_TEMPLATE: Final = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Footer:
    Type: String
    Default: 'Sent with care'
Globals:
  Function:
    Timeout: 10
    Environment: {Variables: {SHARED: 'yes', LOG_LEVEL: INFO}}
Resources:
  FooterFunction:
    Type: AWS::Serverless::Function
    DependsOn: UpdatedMessages
    Properties:
      CodeUri: src/
      Handler: app.footer_handler
      Runtime: python3.12
      Role: !GetAtt FooterFunctionRole.Arn
      ReservedConcurrentExecutions: 3
      Layers:
      - !Sub arn:aws:lambda:${AWS::Region}:111122223333:layer:SomebodyElses:2
      - !Ref WordsLayer
      Environment:
        Variables:
          FOOTER: !Ref Footer
          UPDATED_EMAIL_BUCKET: !Ref UpdatedMessages
          TABLE: !Ref Seen
          QUEUE: !Ref Later
  FooterFunctionRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
        - {Action: sts:AssumeRole, Effect: Allow, Principal: {Service: lambda.amazonaws.com}}
      Path: /
      ManagedPolicyArns:
      - arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
      - arn:aws:iam::aws:policy/AmazonWorkMailMessageFlowFullAccess
  WordsLayer:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: python3.12}
    Properties: {ContentUri: words/}
  WorkMailPermissionToInvokeLambda:
    Type: AWS::Lambda::Permission
    DependsOn: FooterFunction
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref FooterFunction
      Principal: !Sub 'workmail.${AWS::Region}.amazonaws.com'
      SourceArn: !Sub 'arn:aws:workmail:${AWS::Region}:${AWS::AccountId}:organization/*'
  UpdatedMessages:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties:
      VersioningConfiguration: {Status: Enabled}
      LifecycleConfiguration:
        Rules:
        - {Status: Enabled, ExpirationInDays: 1}
        - {Status: Enabled, NoncurrentVersionExpirationInDays: 1}
  UpdatedMessagesPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref UpdatedMessages
      PolicyDocument:
        Statement:
        - Action: ['s3:GetObject', 's3:GetObjectVersion']
          Effect: Allow
          Resource: [!Sub '${UpdatedMessages.Arn}/*']
          Condition:
            Bool: {aws:SecureTransport: true}
            ArnLike: {aws:SourceArn: !Sub 'arn:aws:workmailmessageflow:${AWS::Region}:${AWS::AccountId}:message/*'}
          Principal: {Service: !Sub 'workmail.${AWS::Region}.amazonaws.com'}
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: InvocationId, AttributeType: S}]
      KeySchema: [{AttributeName: InvocationId, KeyType: HASH}]
  Later: {Type: AWS::SQS::Queue}
Outputs:
  FooterArn: {Value: !GetAtt FooterFunction.Arn}
"""

PYTHON_CODE: Final = """
import os

import boto3
import greeting
import words


def footer_handler(event, context):
    text = f"{greeting.HELLO} {event['subject']} {words.WORD} {os.environ['FOOTER']}"
    bucket = os.environ["UPDATED_EMAIL_BUCKET"]
    boto3.client("s3").put_object(Bucket=bucket, Key=event["invocationId"], Body=text.encode())
    boto3.client("dynamodb").put_item(
        TableName=os.environ["TABLE"], Item={"InvocationId": {"S": event["invocationId"]}})
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=event["messageId"])
    organizations = boto3.client("workmail").list_organizations()["OrganizationSummaries"]
    return {
        "actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}],
        "seen": {"organizations": len(organizations), "environment": dict(os.environ)},
    }
"""

NODE_TEMPLATE: Final = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Threshold: {Type: Number, Default: 2}
Resources:
  StopStormFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: stop-storm
      CodeUri: src/
      Handler: app.lambdaHandler
      Runtime: nodejs20.x
      Timeout: 10
      Environment: {Variables: {THRESHOLD: !Ref Threshold}}
  PermissionToCallLambda:
    Type: AWS::Lambda::Permission
    DependsOn: StopStormFunction
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !GetAtt StopStormFunction.Arn
      Principal: !Sub 'workmail.${AWS::Region}.amazonaws.com'
"""

NODE_CODE: Final = """
const greeting = require("greeting");

exports.lambdaHandler = async (event) => {
  const tooMany = event.envelope.recipients.length >= Number(process.env.THRESHOLD);
  const recipients = event.envelope.recipients.map((recipient) => recipient.address);
  console.log(greeting.hello, event.messageId);
  return {actions: [{action: {type: tooMany ? "DROP" : "DEFAULT"}, recipients}]};
};
"""


GUIDE_TEMPLATE: Final = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Dropped: {Type: String, Default: drop-recipient@example.com}
  Added: {Type: String, Default: new-recipient@example.com}
Globals:
  Function:
    CodeUri: src/
    Runtime: python3.12
    Timeout: 15
    Environment:
      Variables: {DROPPED: !Ref Dropped, ADDED: !Ref Added, UPDATED_EMAIL_BUCKET: !Ref UpdatedMessages}
Resources:
  SubjectFunction: {Type: AWS::Serverless::Function, Properties: {Handler: app.subject_handler}}
  DropFunction: {Type: AWS::Serverless::Function, Properties: {Handler: app.drop_handler}}
  BounceFunction: {Type: AWS::Serverless::Function, Properties: {Handler: app.bounce_handler}}
  AddFunction: {Type: AWS::Serverless::Function, Properties: {Handler: app.add_handler}}
  UpdatedMessages: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: postroom:put-content, Value: all}]}}
""" + "".join(
    f"""
  PermissionOf{name}:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref {name}Function
      Principal: !Sub 'workmail.${{AWS::Region}}.amazonaws.com'
      SourceArn: !Sub 'arn:aws:workmail:${{AWS::Region}}:${{AWS::AccountId}}:organization/*'
"""
    for name in ("Subject", "Drop", "Bounce", "Add")
)

GUIDE_CODE: Final = """
import email
import os
import uuid

import boto3


def default(recipients=None):
    return {"action": {"type": "DEFAULT"}, **({"recipients": recipients} if recipients else {"allRecipients": True})}


def subject_handler(event, context):
    flow = boto3.client("workmailmessageflow", region_name=os.environ["AWS_REGION"])
    message_id = event["messageId"]
    raw = flow.get_raw_message_content(messageId=message_id)["messageContent"].read()
    message = email.message_from_bytes(raw)
    message.replace_header("Subject", "New subject: " + message["Subject"])
    key, bucket = str(uuid.uuid4()), os.environ["UPDATED_EMAIL_BUCKET"]
    boto3.client("s3").put_object(Body=message.as_bytes(), Bucket=bucket, Key=key)
    reference = {"s3Reference": {"bucket": bucket, "key": key}}
    flow.put_raw_message_content(messageId=message_id, content=reference)
    return {"actions": [default()]}


def drop_handler(event, context):
    drop = {"action": {"type": "DROP"}, "recipients": [os.environ["DROPPED"]]}
    return {"actions": [default(), drop]}


def bounce_handler(event, context):
    parameters = {"bounceMessage": "Email in breach of company policy."}
    return {"actions": [{"action": {"type": "BOUNCE", "parameters": parameters}, "allRecipients": True}]}


def add_handler(event, context):
    return {"actions": [default([os.environ["ADDED"]]), default()]}
"""


AVAILABILITY_TEMPLATE: Final = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  BusyFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, CodeUri: src/, Runtime: python3.13, Timeout: 10}
  BusyFunctionPermission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref BusyFunction
      Principal: !Sub availability.workmail.${AWS::Region}.amazonaws.com
      SourceAccount: !Ref AWS::AccountId
      SourceArn: !Sub arn:aws:workmail:${AWS::Region}:${AWS::AccountId}:organization/*
"""
AVAILABILITY_CODE: Final = """
DETAILS = {"subject": "Fair", "location": "Hall 4", "instanceType": "EXCEPTION", "isMeeting": True,
           "isReminderSet": False, "isPrivate": False}
SUMMER = {"offset": -60, "time": "02:00:00", "month": "MAR", "week": "LAST", "dayOfWeek": "SUN"}
WINTER = {"offset": 0, "time": "03:00:00", "month": "OCT", "week": "LAST", "dayOfWeek": "SUN"}
HOURS = {"timezone": {"name": "W. Europe", "bias": -60, "standardTime": WINTER, "daylightTime": SUMMER},
         "workingPeriods": [{"startMinutes": 540, "endMinutes": 1020, "days": ["MON", "TUE"]}]}
FIRST = {"startTime": "2026-12-07T10:00:00.000Z", "endTime": "2026-12-07T11:00:00.000Z", "busyType": "BUSY",
         "details": DETAILS}


def handler(event, context):
    def of(mailbox):
        if mailbox.startswith("busy@"):
            return {"mailbox": mailbox, "error": "ErrorServerBusy"}
        if not mailbox.startswith("ann@"):
            return {"mailbox": mailbox, "error": "MailboxNotFound"}
        return {"mailbox": mailbox, "events": [FIRST], "workingHours": HOURS}

    return {"mailboxes": [of(mailbox) for mailbox in event["mailboxes"]]}
"""


def availability_project(folder: Path) -> Path:
    """Write a project with an availability provider: ann@ has an event, busy@ fails, others are unknown."""
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(AVAILABILITY_TEMPLATE, "utf-8")
    (folder / "src" / "app.py").write_text(AVAILABILITY_CODE, "utf-8")
    return folder


def guide_project(folder: Path) -> Path:
    """Write a project with the guide's four examples: new subject, removed recipient, bounce, added recipient."""
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(GUIDE_TEMPLATE, "utf-8")
    (folder / "src" / "app.py").write_text(GUIDE_CODE, "utf-8")
    return folder


def python_project(folder: Path) -> Path:
    """Write a project with a function, a layer that is built, and the resources that a rule function commonly has."""
    for name in ("src", "words"):
        (folder / name).mkdir(parents=True)
    (folder / "template.yaml").write_text(PYTHON_TEMPLATE, "utf-8")
    (folder / "src" / "app.py").write_text(PYTHON_CODE, "utf-8")
    (folder / "src" / "requirements.txt").write_text("# offline\n./greeting-1.0-py3-none-any.whl\n", "utf-8")
    wheel(folder / "src", "greeting", 'HELLO = "hello"\n')
    (folder / "words" / "words.py").write_text("import more_words\nWORD = more_words.WORD\n", "utf-8")
    (folder / "words" / "requirements.txt").write_text("./more_words-1.0-py3-none-any.whl\n", "utf-8")
    wheel(folder / "words", "more_words", 'WORD = "pipeline"\n')
    return folder


def node_project(folder: Path) -> Path:
    """Write a project with one function that has a dependency."""
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(NODE_TEMPLATE, "utf-8")
    (folder / "src" / "app.js").write_text(NODE_CODE, "utf-8")
    package = npm_package(folder, "greeting", 'exports.hello = "hello";\n')
    described = {"name": "stop-storm", "version": "1.0.0", "dependencies": {"greeting": f"file:{package}"}}
    (folder / "src" / "package.json").write_text(json.dumps(described), "utf-8")
    return folder


def wheel(folder: Path, name: str, code: str) -> Path:
    """Write a wheel of one module, so that pip needs no index."""
    path, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def npm_package(folder: Path, name: str, code: str) -> Path:
    """Write an npm package of one module, so that npm needs no registry."""
    path = folder / f"{name}-1.0.0.tgz"
    path.write_bytes(npm_archive(name, "1.0.0", code))
    return path


def npm_archive(name: str, version: str, code: str) -> bytes:
    """Return an npm package of one module, as a registry returns it; the same bytes each time."""
    described = json.dumps({"name": name, "version": version, "main": "index.js"})
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for file, text in (("package.json", described), ("index.js", code)):
            entry = tarfile.TarInfo(f"package/{file}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()
