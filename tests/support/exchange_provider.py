"""A customer's availability provider for an Exchange server, with the behaviour of the one that AWS publishes.

The code is ours; what it does was seen of AWS's sample (workmail-cap-exchange). It reads its secret when it is loaded,
and uses exchangelib in the same way: an anonymous ConvertId request finds out which authentication the server wants,
GetServerTimeZones comes before the question, and the question has Exchange2010 as its version and asks for
DetailedMerged. exchangelib is in the tests' own environment, so that nothing is installed.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SECRET: Final = "exchange-account"
FUNCTION: Final = "ExchangeProvider"

TEMPLATE: Final = f"""
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  SecretId: {{Type: String, Default: {SECRET}}}
Resources:
  {FUNCTION}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.12
      Timeout: 25
      MemorySize: 512
      Environment: {{Variables: {{EXCHANGE_SECRETS_ID: !Ref SecretId}}}}
      Policies:
      - Statement:
        - {{Effect: Allow, Action: secretsmanager:GetSecretValue, Resource: '*'}}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref {FUNCTION}
      Principal: !Sub 'availability.workmail.${{AWS::Region}}.amazonaws.com'
      SourceAccount: !Ref AWS::AccountId
      SourceArn: !Sub 'arn:aws:workmail:${{AWS::Region}}:${{AWS::AccountId}}:organization/*'
"""

CODE: Final = """
    import json
    import os
    from datetime import datetime, timezone

    import boto3
    from exchangelib import Configuration, Credentials, EWSDateTime, EWSTimeZone
    from exchangelib.errors import ErrorMailRecipientNotFound
    from exchangelib.protocol import Protocol
    from exchangelib.version import EXCHANGE_2010, Version

    SECRET = json.loads(
        boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["EXCHANGE_SECRETS_ID"])["SecretString"]
    )
    CONFIGURATION = Configuration(
        service_endpoint=SECRET["ews_url"],
        credentials=Credentials(username=SECRET["ews_username"], password=SECRET["ews_password"]),
        version=Version(build=EXCHANGE_2010),
    )
    UTC = EWSTimeZone("UTC")
    MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    WEEKS = ("FIRST", "SECOND", "THIRD", "FOURTH", "LAST")
    DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


    def handler(event, context):
        start, end = (when(event["window"][name]) for name in ("startDate", "endDate"))
        accounts = [(mailbox, "Optional", False) for mailbox in event["mailboxes"]]
        found = Protocol(config=CONFIGURATION).get_free_busy_info(
            accounts=accounts, start=start, end=end, merged_free_busy_interval=30, requested_view="DetailedMerged"
        )
        return {"mailboxes": [answer(mailbox, view) for mailbox, view in zip(event["mailboxes"], found)]}


    def when(text):
        # The offset of a time is dropped: WorkMail sends UTC.
        read = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=timezone.utc)
        return EWSDateTime.from_datetime(read).astimezone(UTC)


    def answer(mailbox, view):
        if isinstance(view, ErrorMailRecipientNotFound):
            return {"mailbox": mailbox, "error": "MailboxNotFound"}
        if isinstance(view, Exception):
            return {"mailbox": mailbox, "error": type(view).__name__}
        if view is None:
            return {"mailbox": mailbox, "error": "Unknown"}
        made = {"mailbox": mailbox, "events": [written(each) for each in view.calendar_events or ()]}
        if view.working_hours:
            made["workingHours"] = {
                "timezone": zone(view.working_hours_timezone),
                "workingPeriods": [
                    {
                        "startMinutes": 60 * each.start.hour + each.start.minute,
                        "endMinutes": 60 * each.end.hour + each.end.minute,
                        "days": [DAYS[day - 1] for day in each.weekdays],
                    }
                    for each in view.working_hours
                ],
            }
        return made


    def written(event):
        made = {
            "startTime": event.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endTime": event.end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "busyType": {"Free": "FREE", "Tentative": "TENTATIVE"}.get(event.busy_type, "BUSY"),
        }
        details = event.details
        if details is not None and not details.is_private:
            kind = "RECURRING_INSTANCE" if details.is_recurring else "SINGLE_INSTANCE"
            made["details"] = {
                "subject": details.subject or "",
                "location": details.location or "",
                "instanceType": "EXCEPTION" if details.is_exception else kind,
                "isMeeting": bool(details.is_meeting),
                "isReminderSet": bool(details.is_reminder_set),
                "isPrivate": False,
            }
        return made


    def zone(given):
        made = {"name": "Undefined", "bias": given.bias}
        for name, change in (("standardTime", given.standard_time), ("daylightTime", given.daylight_time)):
            made[name] = {
                "offset": change.bias,
                "time": change.time.strftime("%H:%M:%S"),
                "month": MONTHS[change.iso_month - 1],
                "week": WEEKS[change.occurrence - 1],
                "dayOfWeek": DAYS[change.weekday - 1],
            }
        return made
"""


def exchange_project(folder: Path) -> Path:
    """Write the project; its secret has ews_url, ews_username and ews_password."""
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE.lstrip("\n"), "utf-8")
    (folder / "src" / "app.py").write_text(textwrap.dedent(CODE).lstrip("\n"), "utf-8")
    return folder
