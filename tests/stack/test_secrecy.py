"""A message at rest is ciphertext, bound to its mailbox; KMS is called rarely."""

from __future__ import annotations

import base64
import gzip
import quopri
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.kms_proxy import KmsProxy
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

WORDS = ("Zanzibarquartz", "wolpertinger@abroad.example", "Kontrafagott")
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


def logged(running: RunningStack) -> dict[str, bytes]:
    """Return what functions and processes have logged, by log group and file."""
    logs, found = running.client("logs"), {}
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        found[group["logGroupName"]] = "\n".join(e["message"] for page in pages for e in page["events"]).encode()
    for path in running.logs.iterdir():
        found[str(path)] = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return found


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
