"""Mail domains in SES: an identity with Easy DKIM, and an entry in one of our receipt rules.

Our rules are named ``postroom-<number>``, in the rule set that the deployment names. A rule has at most 100 domains
(SES's limit), scans mail, and has one action, which stores the message and notifies the topic. Other rules are never
changed, and the set is never activated. An administrator's changes of our rules (position, TLS policy, further actions)
stay. SES has no conditional writes, so rules are changed under a lease.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from postroom.errors import RefusedByServiceError, StoreUnavailableError
from postroom.ports.domain_services import DomainStatus, DomainTokens, Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ses import SESClient

    from postroom.adapters.aws.leases import Leases

OUR_RULE: Final = re.compile(r"postroom-(\d+)")
MAX_RECIPIENTS: Final = 100
"""Most domains of one rule. Source: SES service quotas, "Maximum number of recipients per receipt rule"."""

OBJECT_PREFIX: Final = "inbound/"
LEASE: Final = "receipt rules"

VERIFICATION: Final = {
    "Success": Verification.VERIFIED,
    "Failed": Verification.FAILED,
    "Pending": Verification.PENDING,
    "TemporaryFailure": Verification.PENDING,
    "NotStarted": Verification.PENDING,
}
"""Source: SES, VerificationStatus."""

REFUSALS: Final = frozenset(
    {
        "InvalidLambdaFunction",
        "InvalidParameterValue",
        "InvalidS3Configuration",
        "InvalidSnsTopic",
        "LimitExceeded",
        "RuleDoesNotExist",
        "RuleSetDoesNotExist",
        "ValidationError",
    }
)
"""SES's error codes that a retry cannot change."""


class SesReceiptRules:
    """Implements ``ReceiptRules``, for the rules in one rule set."""

    def __init__(self, client: SESClient, leases: Leases, rule_set: str) -> None:
        self._client = client
        self._leases = leases
        self._rule_set = rule_set

    def receipt_rules(self) -> int:
        with _ses_errors():
            return len(_ours(self._rules()))

    def unroute(self, domain: str, still: Callable[[], bool]) -> None:
        """A rule without any domain left is deleted, because a rule without recipients matches all mail."""
        with self._leases.held(LEASE), _ses_errors():
            named = [rule for rule in _ours(self._rules()) if domain in rule["Recipients"]]
            if named and still():
                for rule in named:
                    self._without(rule, domain)

    def _without(self, rule: dict[str, Any], domain: str) -> None:
        left = [name for name in rule["Recipients"] if name != domain]
        if left:
            self._replace(rule, left)
        else:
            self._client.delete_receipt_rule(RuleSetName=self._rule_set, RuleName=rule["Name"])

    def _replace(self, rule: dict[str, Any], recipients: list[str]) -> None:
        changed: Any = {**rule, "Recipients": recipients}
        self._client.update_receipt_rule(RuleSetName=self._rule_set, Rule=changed)

    def _rules(self) -> list[dict[str, Any]]:
        answer: Any = self._client.describe_receipt_rule_set(RuleSetName=self._rule_set)
        return list(answer["Rules"])


@dataclass(frozen=True, slots=True)
class ReceiptSettings:
    """The rule set of our rules, and the bucket and topic of their action."""

    rule_set: str
    bucket: str
    topic_arn: str


class FeedbackClient(Protocol):
    """What is used of botocore's client of SES's API v2."""

    def put_email_identity_feedback_attributes(self, *, EmailIdentity: str, EmailForwardingEnabled: bool) -> object:  # noqa: N803
        """Call PutEmailIdentityFeedbackAttributes."""


class SesDomainServices(SesReceiptRules):
    """Implements ``DomainServices``."""

    def __init__(self, client: SESClient, v2: FeedbackClient, leases: Leases, settings: ReceiptSettings) -> None:
        super().__init__(client, leases, settings.rule_set)
        self._v2 = v2
        self._settings = settings

    def identify(self, domain: str) -> DomainTokens:
        """Bounces are reported to the sender once, by record_feedback: SES is told not to forward them by mail.

        API v1 refuses that without topics of the identity itself.
        """
        with _ses_errors():
            verification = self._client.verify_domain_identity(Domain=domain)["VerificationToken"]
            dkim = self._client.verify_domain_dkim(Domain=domain)["DkimTokens"]
            self._v2.put_email_identity_feedback_attributes(EmailIdentity=domain, EmailForwardingEnabled=False)
        return DomainTokens(verification, tuple(dkim))

    def status(self, domain: str) -> DomainStatus:
        with _ses_errors():
            identities = self._client.get_identity_verification_attributes(Identities=[domain])
            keys = self._client.get_identity_dkim_attributes(Identities=[domain])
        identity: Any = identities["VerificationAttributes"].get(domain, {})
        key: Any = keys["DkimAttributes"].get(domain, {})
        return DomainStatus(
            ownership=VERIFICATION.get(identity.get("VerificationStatus"), Verification.PENDING),
            dkim=VERIFICATION.get(key.get("DkimVerificationStatus"), Verification.PENDING),
        )

    def route(self, domain: str) -> None:
        """A new rule is inserted after our last rule; our first rule is inserted at the top of the set."""
        with self._leases.held(LEASE), _ses_errors():
            everything = self._rules()
            rules = _ours(everything)
            if any(domain in rule["Recipients"] for rule in rules):
                return
            roomy = next((rule for rule in rules if len(rule["Recipients"]) < MAX_RECIPIENTS), None)
            if roomy is not None:
                self._replace(roomy, [*roomy["Recipients"], domain])
                return
            numbers = [int(ours[1]) for rule in everything if (ours := OUR_RULE.fullmatch(rule["Name"]))]
            new: Any = self._rule(f"postroom-{max(numbers, default=0) + 1}", domain)
            position = {"After": rules[-1]["Name"]} if rules else {}
            self._client.create_receipt_rule(RuleSetName=self._rule_set, Rule=new, **position)

    def _rule(self, name: str, domain: str) -> dict[str, Any]:
        settings = self._settings
        action = {"TopicArn": settings.topic_arn, "BucketName": settings.bucket, "ObjectKeyPrefix": OBJECT_PREFIX}
        return {
            "Name": name,
            "Enabled": True,
            "TlsPolicy": "Optional",
            "Recipients": [domain],
            "Actions": [{"S3Action": action}],
            "ScanEnabled": True,
        }


def _ours(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return our rules in the order of the set. A rule without recipients is not ours: it matches all mail."""
    return [rule for rule in rules if OUR_RULE.fullmatch(rule["Name"]) and rule.get("Recipients")]


@contextmanager
def _ses_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        if details.get("Code") in REFUSALS:
            raise RefusedByServiceError(f"SES says: {details.get('Message')}") from error
        raise StoreUnavailableError(f"SES did not take a request: {details.get('Code')}") from error
    except BotoCoreError as error:
        raise StoreUnavailableError("SES did not answer") from error
