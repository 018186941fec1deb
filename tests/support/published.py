"""Six SAM projects with the traits of published ones that need more than a template and a handler.

Each is a rule function; its message says by a word what the function shall decide.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ORGANIZATION: Final = "m-0123456789abcdef0123456789abcdef"
"""The id that `--organization-id` fixes, and `--env-vars` gives to a function."""

SDK: Final = "@aws-sdk/client-workmailmessageflow"
"""The packages that the two projects in Node.js import and do not list."""


def _template(functions: str, rest: str = "") -> str:
    """Return a template as `sam init` writes them, with WorkMail's permission for its first function."""
    first = functions.split(":", 1)[0].strip()
    return (
        textwrap.dedent(
            f"""
        AWSTemplateFormatVersion: '2010-09-09'
        Transform: AWS::Serverless-2016-10-31
        Globals: {{Function: {{Timeout: 30, Tracing: Active}}}}
        Resources:
          WorkMailPermission:
            Type: AWS::Lambda::Permission
            Properties:
              Action: lambda:InvokeFunction
              FunctionName: !Ref {first}
              Principal: !Sub 'workmail.${{AWS::Region}}.amazonaws.com'
              SourceArn: !Sub 'arn:aws:workmail:${{AWS::Region}}:${{AWS::AccountId}}:organization/*'
        """
        )
        + textwrap.indent(textwrap.dedent(functions), "  ")
        + textwrap.dedent(rest)
    )


WORD_FILTER: Final = {
    "template.yaml": _template(
        """
        WordFilter:
          Type: AWS::Serverless::Function
          Properties: {CodeUri: filter/, Handler: src/app.handler, Runtime: nodejs20.x}
        """
    ),
    "filter/src/app.js": """
        const { GetRawMessageContentCommand, ...sdk } = require("@aws-sdk/client-workmailmessageflow");
        const client = new sdk.WorkMailMessageFlowClient({ region: process.env.AWS_REGION });

        exports.handler = async (event) => {
          const answer = await client.send(new GetRawMessageContentCommand({ messageId: event.messageId }));
          const text = await answer.messageContent.transformToString();
          const type = text.includes("unwanted") ? "DROP" : "DEFAULT";
          return { actions: [{ action: { type }, allRecipients: true }] };
        };
    """,
}
"""CommonJS that requires the SDK of its runtime; there is no package.json."""

SORTER: Final = {
    "template.yaml": _template(
        """
        Sorter:
          Type: AWS::Serverless::Function
          Properties: {CodeUri: sorter/, Handler: app.handler, Runtime: nodejs22.x, Layers: [!Ref Reader]}
        Reader:
          Type: AWS::Serverless::LayerVersion
          Properties: {ContentUri: reader/, CompatibleRuntimes: [nodejs22.x]}
        """
    ),
    "sorter/app.mjs": """
        import { WorkMailMessageFlowServiceException } from "@aws-sdk/client-workmailmessageflow";
        import { textOf } from "reader";

        const answer = (type) => ({ actions: [{ action: { type }, allRecipients: true }] });

        export const handler = async (event) => {
          try {
            await textOf("00000000-0000-0000-0000-000000000000");
          } catch (error) {
            if (!(error instanceof WorkMailMessageFlowServiceException)) throw error;
          }
          return answer((await textOf(event.messageId)).includes("unwanted") ? "MOVE_TO_JUNK" : "DEFAULT");
        };
    """,
    "reader/nodejs/node_modules/reader/package.json": """
        {"name": "reader", "version": "1.0.0", "type": "module", "exports": {"import": "./reader.js"}}
    """,
    "reader/nodejs/node_modules/reader/reader.js": """
        import { GetRawMessageContentCommand, WorkMailMessageFlowClient } from "@aws-sdk/client-workmailmessageflow";

        const client = new WorkMailMessageFlowClient({});

        export const textOf = async (messageId) => {
          const { messageContent } = await client.send(new GetRawMessageContentCommand({ messageId }));
          return messageContent.transformToString();
        };
    """,
}
"""An ES module with a layer; both import the SDK of the runtime."""

BLOCKLIST: Final = {
    "template.yaml": _template(
        """
        Blocklist:
          Type: AWS::Serverless::Function
          Properties:
            CodeUri: src/
            Handler: app.handler
            Runtime: python3.12
            Environment: {Variables: {BLOCKED: !Join ['|', !Ref Blocked], REASON: !Ref Reason}}
        """,
        """
        Parameters:
          Blocked: {Type: CommaDelimitedList, Description: Words of subjects that are turned away}
          Reason: {Type: String, AllowedPattern: '.{5,}'}
        """,
    ),
    "samconfig.toml": """
        version = 0.1
        [default.deploy.parameters]
        stack_name = "blocklist"
        parameter_overrides = "Blocked=\\"casino, unwanted\\" Reason=\\"Not from you.\\""
    """,
    "src/app.py": """
        import os


        def handler(event, context):
            if event["subject"] not in os.environ["BLOCKED"].split("|"):
                return {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": "true"}]}
            bounce = {"type": "BOUNCE", "parameters": {"bounceMessage": os.environ["REASON"]}}
            return {"actions": [{"action": bounce, "allRecipients": True}]}
    """,
}
"""Parameters without defaults, whose values `sam deploy --guided` has written down."""

KNOWN_HOUSE: Final = {
    "template.yaml": _template(
        """
        KnownHouse:
          Type: AWS::Serverless::Function
          Properties:
            CodeUri: src/
            Handler: app.handler
            Runtime: python3.12
            Environment: {Variables: {WORKMAIL_ORGANIZATION_ID: 'm-change-me'}}
        """
    ),
    "src/app.py": """
        import os

        import boto3

        workmail = boto3.client("workmail", region_name=os.environ["AWS_REGION"])


        def handler(event, context):
            of = {"OrganizationId": os.environ["WORKMAIL_ORGANIZATION_ID"]}
            kind = "DEFAULT" if workmail.describe_organization(**of)["Alias"] in event["subject"] else "DROP"
            return {"actions": [{"action": {"type": kind}, "allRecipients": True}]}
    """,
}
"""A function that must know its organization's id."""

ARCHIVE: Final = {
    "template.yaml": _template(
        """
        Archive:
          Type: AWS::Serverless::Function
          Properties:
            CodeUri: src/
            Handler: app.handler
            Runtime: python3.12
            Environment: {Variables: {STATE_MACHINE_ARN: !Ref Workflow}}
        Keep:
          Type: AWS::Serverless::Function
          Properties:
            CodeUri: src/
            Handler: app.keep
            Runtime: python3.12
            Environment: {Variables: {TABLE: !Ref Kept}}
        Kept: {Type: AWS::Serverless::SimpleTable}
        Workflow:
          Type: AWS::Serverless::StateMachine
          Properties:
            DefinitionUri: workflow.asl.json
            DefinitionSubstitutions: {KeepArn: !GetAtt Keep.Arn}
            Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Keep}}]
        Users: {Type: AWS::Cognito::UserPool}
        """
    ),
    "workflow.asl.json": """
        {"StartAt": "IsWorthIt", "States": {
          "IsWorthIt": {"Type": "Choice", "Default": "Keep",
                        "Choices": [{"Variable": "$.subject", "StringMatches": "*unwanted*", "Next": "Forget"}]},
          "Keep": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
                   "Parameters": {"FunctionName": "${KeepArn}", "Payload.$": "$"},
                   "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "IntervalSeconds": 1}]},
          "Forget": {"Type": "Succeed"}}}
    """,
    "src/app.py": """
        import json
        import os

        import boto3


        def handler(event, context):
            said = json.dumps({"messageId": event["messageId"], "subject": event["subject"]})
            boto3.client("stepfunctions").start_execution(stateMachineArn=os.environ["STATE_MACHINE_ARN"], input=said)
            return {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}


        def keep(event, context):
            table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
            table.put_item(Item={"id": event["messageId"], "subject": event["subject"]})
    """,
}
"""A state machine that the function starts, and whose task is another function; and resources that no laptop has."""

VERIFIED: Final = {
    "template.yaml": _template(
        """
        Verified:
          Type: AWS::Serverless::Function
          Properties: {CodeUri: src/, Handler: app.handler, Runtime: python3.12}
        """
    ),
    "src/app.py": """
        import email
        import email.policy

        import boto3


        def handler(event, context):
            flow = boto3.client("workmailmessageflow")
            content = flow.get_raw_message_content(messageId=event["messageId"])["messageContent"].read()
            results = email.message_from_bytes(content, policy=email.policy.default)["Authentication-Results"]
            kind = "DEFAULT" if "dkim=pass" in results else "MOVE_TO_JUNK"
            return {"actions": [{"action": {"type": kind}, "allRecipients": True}]}
    """,
}
"""A function that reads the fields that SES writes in front of a message."""

PROJECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "word-filter": WORD_FILTER,
    "sorter": SORTER,
    "blocklist": BLOCKLIST,
    "known-house": KNOWN_HOUSE,
    "archive": ARCHIVE,
    "verified": VERIFIED,
}
IN_NODE: Final = ("word-filter", "sorter")


def write(folder: Path, name: str) -> Path:
    """Write a project into a folder of its name; return that."""
    for file, text in PROJECTS[name].items():
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")
    return folder / name
