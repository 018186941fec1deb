"""SES: receipt rules and identities, where moto lacks parts of them."""

from __future__ import annotations

import os
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.ses.exceptions import AlreadyExists, InvalidParameterValue
from moto.ses.models import SESBackend
from moto.ses.responses import EmailResponse

ALONE: Final = "POSTROOM_SES_ALONE"
"""Set, to whatever value: the buckets and topics that receipt rules name are in another emulator."""

_original_create_rule = SESBackend.create_receipt_rule
_original_validate_actions = SESBackend._validate_receipt_rule_actions  # noqa: SLF001
_original_update_rule = SESBackend.update_receipt_rule


def create_receipt_rule(self: SESBackend, rule_set_name: str, rule: dict[str, Any], after: str | None) -> None:
    """Refuse a second rule of the same name; moto does so only if the rules are equal in everything."""
    rule_set = self.receipt_rule_set.get(rule_set_name)
    if rule_set is not None and any(one["Name"] == rule["Name"] for one in rule_set.rules):
        raise AlreadyExists(f"Rule already exists: {rule['Name']}")
    _original_create_rule(self, rule_set_name, rule, after)


def update_receipt_rule(self: SESBackend, rule_set_name: str, rule: dict[str, Any]) -> None:
    """Check the actions of the new rule as those of a created one; moto takes any."""
    self._validate_receipt_rule_actions(rule)
    _original_update_rule(self, rule_set_name, rule)


def delete_receipt_rule(self: EmailResponse) -> ActionResult:
    """DeleteReceiptRule, which moto has not; deleting a rule that is not there succeeds.

    Source: API reference, DeleteReceiptRule (its only modelled error is RuleSetDoesNotExist).
    """
    rule_set = self.backend.describe_receipt_rule_set(self._get_param("RuleSetName"))
    name = self._get_param("RuleName")
    rule_set.rules = [rule for rule in rule_set.rules if rule["Name"] != name]
    return EmptyResult()


def validate_receipt_rule_actions(self: SESBackend, rule: dict[str, Any]) -> None:
    """Check that what a rule names exists, unless it would be elsewhere."""
    if not os.environ.get(ALONE):
        _original_validate_actions(self, rule)


def validate_iam_role(self: SESBackend, role_arn: str) -> None:
    """Accept a role that exists; moto compares the ARN with ids, and so refuses every role."""
    from moto.iam.models import iam_backends  # slow to import and seldom needed

    roles = iam_backends[self.account_id]["aws"].roles.values()
    if not any(role.arn == role_arn for role in roles):
        raise InvalidParameterValue("Could not assume the provided IAM role")


def delete_identity(self: SESBackend, identity: str) -> None:
    """Delete an identity that may not exist; moto dies of an unverified address in a verified domain."""
    self.email_identities.pop(identity.lower() if "@" not in identity else identity, None)


def apply() -> None:
    """Put the functions above in place of moto's."""
    SESBackend.create_receipt_rule = create_receipt_rule
    SESBackend.update_receipt_rule = update_receipt_rule
    SESBackend.delete_identity = delete_identity
    SESBackend._validate_receipt_rule_actions = validate_receipt_rule_actions  # noqa: SLF001
    SESBackend._validate_iam_role = validate_iam_role  # noqa: SLF001
    EmailResponse.delete_receipt_rule = delete_receipt_rule
