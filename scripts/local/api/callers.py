"""Callers of the signed routes, by their access keys: API Gateway would give the same of a checked signature.

Signatures are not checked here. A function's worker has a key of its own, which stands for its role; the keys that the
emulator has given to users and sessions of roles stand for these; every other key is the account's root.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from local.aws import Connections
from local.settings import ACCOUNT, CREDENTIALS, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.aws import Aws
    from local.functions.function import Function
    from local.functions.invocations import Invocations

NO_CALLER: Final[Mapping[str, Any]] = dict.fromkeys(("accessKey", "accountId", "caller", "user", "userArn"))
"""A route that asks no signature has no caller, as on AWS."""

_KEY: Final = re.compile(r"Credential=([A-Za-z0-9]{1,128})/")
_UNKNOWN: Final = ":user/moto"
"""End of the ARN that moto gives for a key that it does not know."""


class Callers:
    """Knows callers. Those that the emulator knows are asked for once."""

    def __init__(self, invocations: Invocations, aws: Aws) -> None:
        """Keep where functions and keys are known."""
        self._invocations = invocations
        self._aws = aws
        self._known: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def identity(self, authorization: str) -> Mapping[str, Any]:
        """Return the caller's members of ``requestContext.identity``.

        Args:
            authorization: value of the Authorization header; empty if there is none.
        """
        found = _KEY.search(authorization)
        key = found[1] if found else ""
        for function in self._invocations.functions:
            if function.access_key == key:
                return _worker(function)
        if key in ("", CREDENTIALS["AWS_ACCESS_KEY_ID"]):
            return _root(key)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._asked(key)
            return self._known[key]

    def _asked(self, key: str) -> Mapping[str, Any]:
        scope = f"{key}/20200101/{REGION}/sts/aws4_request"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local",
        }
        body = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
        _, answer = Connections(self._aws.endpoint("sts")).request("POST", "/", body, headers)
        arn, user_id = (_member(answer.decode("utf-8", "replace"), name) for name in ("Arn", "UserId"))
        if not arn or arn.endswith(_UNKNOWN):
            return _root(key)
        return _identity(key, arn, user_id)


def _worker(function: Function) -> Mapping[str, Any]:
    account, _, role = function.role.partition("::")[2].partition(":role/")
    session = f"arn:aws:sts::{account or ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{function.name[:64]}"
    return _identity(function.access_key, session, f"AROA{function.access_key[4:]}:{function.name[:64]}")


def _root(key: str) -> Mapping[str, Any]:
    return _identity(key, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)


def _identity(key: str, arn: str, caller: str) -> Mapping[str, Any]:
    account = arn.split(":")[4]
    return {"accessKey": key or None, "accountId": account, "caller": caller, "user": caller, "userArn": arn}


def _member(xml: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", xml)
    return found[1] if found else ""
