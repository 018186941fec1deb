"""Callers of the signed APIs: IAM users, sessions of roles, and the account's root user.

API Gateway gives a caller's ARN as ``requestContext.identity.userArn``. A session of a role has the role's name there,
without its path; IAM allows one role of a name per account, whatever the path. Source: API Gateway, "$context
variables for access logging"; IAM User Guide, "IAM identifiers", "Assumed-role session principals".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from postroom.model.wildcards import has_wildcards, like

EVERYONE: Final = "ANY"
NO_ONE: Final = "NONE"

_PARTS: Final = 6


class PrincipalKind(StrEnum):
    """OTHER: a federated user, a service, or no caller at all."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller.

    Attributes:
        arn: as API Gateway gives it; empty if the request has no signature.
        role_arn: of a session's role, with its path; empty until it is looked up.
    """

    arn: str = ""
    role_arn: str = ""

    @property
    def kind(self) -> PrincipalKind:
        """What the ARN says."""
        service, _, resource = _parsed(self.arn)
        match service, resource.split("/"):
            case "iam", ["root"]:
                return PrincipalKind.ROOT
            case "iam", ["user", *_, _]:
                return PrincipalKind.USER
            case "sts", ["assumed-role", _, _]:
                return PrincipalKind.ROLE
            case _:
                return PrincipalKind.OTHER

    @property
    def account(self) -> str:
        """Id of the caller's account; empty without a caller."""
        return _parsed(self.arn)[1]

    @property
    def name(self) -> str:
        """Name of the user or of the session's role; empty for all others."""
        parts = _parsed(self.arn)[2].split("/")
        match self.kind:
            case PrincipalKind.USER:
                return parts[-1]
            case PrincipalKind.ROLE:
                return parts[1]
            case _:
                return ""

    def is_session_of(self, role_arn: str) -> bool:
        """Say whether the caller is a session of a role; the role's ARN may have its path or not."""
        _, account, resource = _parsed(role_arn)
        if self.kind is not PrincipalKind.ROLE or not resource.startswith("role/"):
            return False
        owner = (_partition(role_arn), account, resource.rpartition("/")[2])
        return owner == (_partition(self.arn), self.account, self.name)


@dataclass(frozen=True, slots=True)
class Principals:
    """Callers that a setting lists: patterns for ``matches``, or every caller."""

    patterns: tuple[str, ...] = ()
    everyone: bool = False

    @classmethod
    def read(cls, text: str) -> Principals:
        """Read ``ANY``, ``NONE``, or patterns separated by commas.

        Raises:
            ValueError: a pattern is no ARN.
        """
        if text in {EVERYONE, NO_ONE}:
            return cls(everyone=text == EVERYONE)
        patterns = tuple(each.strip() for each in text.split(","))
        if not all(each.startswith("arn:") and each.count(":") >= _PARTS - 1 for each in patterns):
            raise ValueError("neither ANY nor NONE, nor ARNs")
        return cls(patterns)

    def include(self, principal: Principal) -> bool:
        """Say whether a caller is one of them."""
        return self.everyone or any(matches(each, principal) for each in self.patterns)


def matches(pattern: str, principal: Principal) -> bool:
    """Say whether a pattern names a caller.

    Args:
        pattern: ARN of a user, of a role (which names all its sessions), of one session, or of the account's root;
            ``*`` and ``?`` are wildcards, as in IAM. A pattern of roles with wildcards is compared with the role's
            whole ARN and matches no session whose ``role_arn`` is not known: the path could be another one.
    """
    if principal.is_session_of(pattern) and not has_wildcards(pattern):
        return True
    return bool(principal.arn) and any(like(known, pattern) for known in (principal.arn, principal.role_arn) if known)


def needs_role_arn(pattern: str) -> bool:
    """Say whether a pattern can match a session only if ``role_arn`` is known."""
    _, _, resource = _parsed(pattern)
    return has_wildcards(pattern) and not resource.startswith(("assumed-role/", "user/"))


def _parsed(arn: str) -> tuple[str, str, str]:
    """Return an ARN's service, account and resource; empty texts for what is no ARN."""
    parts = arn.split(":", _PARTS - 1)
    return (parts[2], parts[4], parts[5]) if len(parts) == _PARTS and parts[0] == "arn" else ("", "", "")


def _partition(arn: str) -> str:
    return arn.split(":", 2)[1]
