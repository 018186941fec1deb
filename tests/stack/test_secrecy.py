"""A message at rest is ciphertext, bound to its mailbox; KMS is called rarely. No credentials are written anywhere."""

from __future__ import annotations

import base64
import gzip
import json
import quopri
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError
from exchangelib.errors import EWSError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from tests.support.ews_client import ask, fresh, server
from tests.support.impersonation import impersonating
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.support.kms_proxy import KmsProxy
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

WORDS = ("Zanzibarquartz", "wolpertinger@abroad.example", "Kontrafagott")
CREDENTIALS: Final = ("Aardwolf-Pavane-71", "Oboe-dAmore-0815", "Quagga-Sarabande-3", "Numbat-Forlana-4" * 16)
"""Passwords: a right one, a wrong one, one that replaces the first, one that is too long."""

AUDITED: Final = ("AUTHENTICATION", "WORKMAIL_MAILBOX_ACCESS", "WORKMAIL_PERSONAL_ACCESS_TOKEN")
SIGNS: Final = ("WRONG_PASSWORD", "UNKNOWN_TOKEN", "ROLE_DELETED", "AssumeImpersonationRole", "InvalidPassword")
"""What messages in the queue of audit records say of each kind of credentials."""

MESSAGE = "From: {1}\r\nSubject: {0}\r\n\r\n{2}\r\n".format(*WORDS).encode()


@pytest.fixture(scope="module")
def vaults(running: RunningStack) -> dict[str, str]:
    """Users' ids by address: two in one organization, one in another."""
    found = {}
    for alias, names in (("vault", ("ann", "ben")), ("bunker", ("eve",))):
        organization = running.organization(alias)
        for name in names:
            address = f"{name}@{alias}.example"
            found[address] = running.user(organization, name, address)
            running.send(MESSAGE, address, sender=WORDS[1])
    wait_for(lambda: all(map(running.copies_of, found.values())))
    return found


def spellings(word: str) -> set[bytes]:
    """Return the forms in which a careless program would write a word."""
    plain = word.encode()
    shifted = {base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)}
    return {plain, plain.lower(), plain[::-1], plain.hex().encode(), quopri.encodestring(plain), *shifted}


def has(content: bytes, word: str) -> bool:
    return any(each in content for each in spellings(word))


def logged(running: RunningStack) -> dict[str, bytes]:
    """Return what functions and processes have logged, by log group and file."""
    logs, found = running.client("logs"), {}
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        found[group["logGroupName"]] = "\n".join(e["message"] for page in pages for e in page["events"]).encode()
    for path in running.logs.iterdir():
        found[str(path)] = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return found


def objects(running: RunningStack, bucket: str) -> dict[str, bytes]:
    """Return a bucket's objects by place; compressed ones as they were before."""
    s3, found = running.client("s3"), {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for key in (each["Key"] for each in page.get("Contents", [])):
            content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            found[f"{bucket}/{key}"] = gzip.decompress(content) if key.endswith(".gz") else content
    return found


def stored(running: RunningStack) -> dict[str, bytes]:
    """Return every row, every object and every event of every log, by place."""
    s3, logs, found = running.client("s3"), running.client("logs"), logged(running)
    for table in running.client("dynamodb").list_tables()["TableNames"]:
        pages = running.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        found[table] = repr([row for page in pages for row in page["Items"]]).encode()
    for bucket in s3.list_buckets()["Buckets"]:
        found |= objects(running, bucket["Name"])
    listed = logs.get_paginator("describe_log_groups").paginate()  # a page has 50
    for group in (group for page in listed for group in page["logGroups"]):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        found[group["logGroupName"]] = "\n".join(e["message"] for page in pages for e in page["events"]).encode()
    return found


@contextmanager
def held(running: RunningStack, url: str) -> Iterator[Callable[[], dict[str, str]]]:
    """Keep messages in a queue meanwhile: its reader is refused. Give what reads them: bodies by message id."""
    sqs, found, receipts = running.client("sqs"), dict[str, str](), dict[str, str]()

    def look() -> dict[str, str]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=9, VisibilityTimeout=600)
        for each in answer.get("Messages", []):
            found[each["MessageId"]], receipts[each["MessageId"]] = each["Body"], each["ReceiptHandle"]
        return found

    readers = {"QueueUrl": url, "MaxNumberOfMessages": 10}
    running.fault(service="sqs", operation="ReceiveMessage", error="ServiceUnavailable", status=503, match=readers)
    try:
        yield look
    finally:
        running.fault()
        for receipt in receipts.values():
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)


def test_no_word_of_a_message_is_stored_as_plain_text(running: RunningStack, vaults: dict[str, str]) -> None:
    s3 = running.client("s3")
    kept: dict[str, bytes] = {}
    for bucket in (running.settings["INBOUND_BUCKET"], running.settings["MAIL_BUCKET"]):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", []):
                kept[found["Key"]] = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
    raw = [kept.pop(key) for key in list(kept) if key.startswith(("inbound/", "transit/"))]
    assert MESSAGE in raw  # while it is in transit: the search itself works
    sealed = len(kept)
    kept["mailboxes"] = repr(running.scan("MAILBOX_TABLE")).encode()
    kept |= logged(running)
    assert sealed >= len(vaults)
    assert any("/deliver" in place and kept[place] for place in kept)
    told = {(place, word) for place in kept for word in WORDS for each in spellings(word) if each in kept[place]}
    assert told == set()


def test_the_password_of_an_ews_provider_is_in_its_secret_and_nowhere_else(running: RunningStack) -> None:
    named = {"OrganizationId": running.organization("partners"), "DomainName": "partner.example"}
    workmail, secrets = running.client("workmail"), running.client("secretsmanager")
    shown = {"EwsEndpoint": "https://ews.partner.example/EWS/Exchange.asmx", "EwsUsername": "free-busy"}
    create, update = workmail.create_availability_configuration, workmail.update_availability_configuration
    for password, change in ((WORDS[0], create), (WORDS[2], update)):
        change(**named, EwsProvider={**shown, "EwsPassword": password})
        (name,) = [each["Name"] for each in secrets.list_secrets()["SecretList"] if "/partner.example/" in each["Name"]]
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == password
    (found,) = workmail.list_availability_configurations(OrganizationId=named["OrganizationId"])[
        "AvailabilityConfigurations"
    ]
    assert found["EwsProvider"] == shown
    kept = {"directory": repr(running.scan("DIRECTORY_TABLE")).encode(), **logged(running)}
    assert any("/admin_api" in place and kept[place] for place in kept)
    assert [place for place in kept for word in (WORDS[0], WORDS[2]) if word.encode() in kept[place]] == []
    workmail.delete_availability_configuration(**named)
    assert not [each for each in secrets.list_secrets()["SecretList"] if "/partner.example/" in each["Name"]]


@pytest.mark.parametrize("thief", ["ben@vault.example", "eve@bunker.example"])
def test_a_sealed_object_cannot_be_decrypted_in_another_mailbox(
    running: RunningStack, vaults: dict[str, str], thief: str
) -> None:
    operator, s3, bucket = running.operator(), running.client("s3"), running.settings["MAIL_BUCKET"]
    (mine,) = operator.mailboxes.items(vaults["ann@vault.example"], "INBOX")
    (other,) = operator.mailboxes.items(vaults[thief], "INBOX")
    own = s3.get_object(Bucket=bucket, Key=other.blob)["Body"].read()
    assert running.command("mailbox", "show", thief, other.id).stdout == MESSAGE
    s3.copy_object(Bucket=bucket, Key=other.blob, CopySource={"Bucket": bucket, "Key": mine.blob})
    done = running.command("mailbox", "show", thief, other.id)
    s3.put_object(Bucket=bucket, Key=other.blob, Body=own)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"postroom: ")
    assert b"Traceback" not in done.stderr


def test_kms_is_called_once_per_minute_mailbox_and_worker(running: RunningStack, kms: KmsProxy) -> None:
    user = running.user(running.organization("thrifty"), "ann", "ann@thrifty.example")
    head = running.operator().mailboxes.head(user)
    assert head is not None
    wrapped, began = base64.b64encode(head.wrapped_key).decode(), time.monotonic()
    for _ in range(60):
        running.send(MESSAGE, "ann@thrifty.example", sender=WORDS[1])
    wait_for(lambda: running.copies_of(user) == 60)
    minutes = 1 + int((time.monotonic() - began) / 60)
    asked = [
        body for operation, body in list(kms.calls) if operation == "Decrypt" and body["CiphertextBlob"] == wrapped
    ]
    assert 1 <= len(asked) <= minutes * len(running.workers("deliver"))


def deliver(running: RunningStack, organization: str, bucket: str, log_types: Iterable[str]) -> None:
    running.client("s3").create_bucket(Bucket=bucket)
    for log_type in log_types:
        running.client("workmail").put_audit_log_delivery(
            OrganizationId=organization,
            LogType=log_type,
            DeliveryDestinationType="S3",
            DestinationResourceArn=f"arn:aws:s3:::{bucket}",
        )


def token_of(running: RunningStack, organization: str, user: str) -> str:
    """Return a new personal access token."""
    workmail, instance = running.client("workmail"), "arn:aws:sso:::instance/ssoins-1234567890abcdef"
    named = {"OrganizationId": organization}
    application = workmail.create_identity_center_application(Name="safe", InstanceArn=instance)["ApplicationArn"]
    workmail.put_identity_provider_configuration(
        **named,
        AuthenticationMode="IDENTITY_PROVIDER_AND_DIRECTORY",
        IdentityCenterConfiguration={"InstanceArn": instance, "ApplicationArn": application},
        PersonalAccessTokenConfiguration={"Status": "ACTIVE"},
    )
    workmail.update_user(**named, UserId=user, IdentityProviderUserId="11111111-2222-3333-4444-555555555555")
    return str(workmail.create_personal_access_token(**named, UserId=user, Name="phone")["Token"])


def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """Return what a caller is told, who must be refused."""
    with pytest.raises((ClientError, EWSError)) as caught:
        call(*arguments, **named)
    return f"{caught.value} {getattr(caught.value, 'response', '')}"


def ill_formed(running: RunningStack, password: str) -> str:
    """Return the answer to a CreateUser whose password is no text, and which is no JSON at the end."""
    headers = {"X-Amz-Target": "WorkMailService.CreateUser", "Content-Type": "application/x-amz-json-1.1"}
    said = ""
    for body in (json.dumps({"Name": "x", "Password": [password]}), f'{{"Password": "{password}", '):
        url = running.environment["AWS_ENDPOINT_URL_WORKMAIL"]
        request = urllib.request.Request(url, body.encode(), headers, method="POST")  # noqa: S310 - our own http
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)  # noqa: S310 - our own http
        said += caught.value.read().decode()
    return said


def test_credentials_and_message_texts_are_in_nothing_that_the_stack_writes(
    running: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords and tokens, right and wrong, through EWS and the API: in no queue, row, object, log or answer."""
    workmail, named = running.client("workmail"), {"OrganizationId": running.organization("safe")}
    organization, ada = named["OrganizationId"], "ada@safe.example"
    user = running.user(organization, "ada", ada)
    right, wrong, new, long = CREDENTIALS
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # a local stack has no TLS
    deliver(running, organization, "safe-audit", [f"{each}_LOGS" for each in AUDITED])
    token = token_of(running, organization, user)
    rule = {"ImpersonationRuleId": "all", "Effect": "ALLOW"}
    named_role = {**named, "ImpersonationRoleId": ""}
    made = workmail.create_impersonation_role(**named, Name="Sync", Type="READ_ONLY", Rules=[rule])
    named_role["ImpersonationRoleId"] = made["ImpersonationRoleId"]
    url, version = running.environment["POSTROOM_EWS_URL"], Version(EXCHANGE_2010_SP2)

    def enter(password: str) -> None:
        with server(running, ada, password, version=version) as protocol:
            ask(protocol, ada)

    with held(running, running.settings["AUDIT_QUEUE_URL"]) as look:
        workmail.reset_password(**named, UserId=user, Password=right)
        role_token = str(workmail.assume_impersonation_role(**named_role)["Token"])
        enter(right)
        enter(token)
        with fresh():
            ask(impersonating(role_token, url, smtp_address=ada), ada)
        guess = f"{token[:-8]}{token[-8:][::-1]}"
        told = [refusal(enter, each) for each in (wrong, guess, f"{right} ")]
        told.append(refusal(workmail.reset_password, **named, UserId=user, Password=long))
        told.append(ill_formed(running, wrong))
        workmail.reset_password(**named, UserId=user, Password=new)
        workmail.delete_impersonation_role(**named_role)
        with fresh():
            told.append(refusal(ask, impersonating(role_token, url, smtp_address=ada), ada))
        told.append(refusal(workmail.assume_impersonation_role, **named_role))
        running.send(MESSAGE, ada, sender=WORDS[1])
        wait_for(lambda: all(any(sign in body for body in look().values()) for sign in SIGNS))
        queued = "\n".join(look().values())

    def written() -> bool:
        audited = b"".join(objects(running, "safe-audit").values())
        return all(sign in audited for sign in (b"IncomingEmail", b"UNKNOWN_TOKEN", b"ROLE_DELETED", b"webapp"))

    wait_for(written, every=1)
    kept = {"queue": queued.encode(), "answers": "\n".join(told).encode(), **stored(running)}
    for place in ("queue", running.settings["DIRECTORY_TABLE"], running.settings["API_TRAIL_LOG_GROUP"]):
        assert user.encode() in kept[place], f"the search works: {place}"
    secrets = (right, wrong, new, long[:16], token[-43:-8], role_token[-43:], WORDS[2])
    whole = {place: content for place, content in kept.items() if "/inbound/" not in place and "/transit/" not in place}
    found = {(place, secrets.index(each)) for place, content in whole.items() for each in secrets if has(content, each)}
    assert found == set()
