"""The access decision: may a user or impersonation role do an action in a mailbox, over a protocol, from an address?

Every protocol asks it, in two steps: ``admit`` once for a request or connection, then ``act`` for each action on a
folder, message or attachment. Both return the audit records of the decision; the caller hands them over before it
answers. Authentication comes before: without a user or role there is nothing to decide.

An organization's access control rules decide first. Over EWS, an impersonation role needs a rule of its own that allows
the user, and a read-only role may do nothing that changes a mailbox. A role has the access of the user that it
impersonates. Sources: guide, "Working with access control rules" (ZH:4612) and "Managing impersonation roles"
(ZH:6953); which records are written for which step is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.access.permissions import PermissionRecords, has_full_access
from postroom.contracts.audit_log import (
    MailboxAction,
    ObjectType,
    Protocol,
    Scope,
    access_evaluation,
    folder_path,
    mailbox_access,
)
from postroom.model.access_effect import AccessEffect
from postroom.model.impersonation import ImpersonationRole, RoleType

if TYPE_CHECKING:
    from postroom.access.compiled_rules import CompiledRules
    from postroom.contracts.audit_log import AuditRecord, Request

READING: Final = frozenset(
    {
        MailboxAction.READ,
        MailboxAction.READ_HIERARCHY,
        MailboxAction.READ_SUMMARY,
        MailboxAction.READ_ATTACHMENT,
        MailboxAction.READ_PERMISSIONS,
    }
)
"""Actions that change nothing, which read-only roles may do."""


class Refusal(StrEnum):
    """Why something is not allowed; a sentence without names, for logs and answers."""

    DENIED_BY_RULE = "an access control rule denies it"
    NO_RULE = "no access control rule allows it"
    NOT_FOR_ROLES = "impersonation roles may use EWS only"
    NO_USER = "the request names no user to impersonate"
    NO_ROLE = "the impersonation role is deleted"
    DENIED_TO_ROLE = "the impersonation role may not impersonate this user"
    READ_ONLY = "the impersonation role may only read"
    NO_PERMISSION = "the user has no permission for this mailbox"
    NOT_OWNER = "only the owner of the mailbox may do this"


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request may go on.

    Attributes:
        request: with the organization's ARN; of the user that is impersonated, if there is a role.
        records: one for each kind of rules that was evaluated.
        role: None for users.
    """

    request: Request
    refusal: Refusal | None
    records: tuple[AuditRecord, ...]
    role: ImpersonationRole | None = None


@dataclass(frozen=True, slots=True)
class MailboxObject:
    """What an action is done to: a folder, or something in it.

    Attributes:
        owner_id: the user or resource whose mailbox it is.
        folder_id: as in ``model.folders``, or the id of a folder that a user made.
        folder_names: names of the folder's parents and its own.
    """

    owner_id: str
    folder_id: str
    folder_names: tuple[str, ...]
    object_type: ObjectType = ObjectType.FOLDER
    item_id: str = ""
    attachment_path: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Whether an action is allowed, and its record."""

    refusal: Refusal | None
    record: AuditRecord


class Access:
    """Decides. Every method raises StoreUnavailableError if the directory did not answer."""

    def __init__(self, rules: CompiledRules, records: PermissionRecords) -> None:
        self._rules = rules
        self._records = records

    def admit(self, request: Request) -> Admission:
        """Decide whether a request may go on; at most one keyed read for users, two for roles, after the first.

        Args:
            request: of an authenticated user or impersonation role; the ARN may be empty.

        Raises:
            UnknownOrganizationError: no organization ever had the request's id.
            ConflictError: the rules changed at each attempt to read them; a retry may succeed.
        """
        organization, rules = self._rules.of(request.organization_id)
        request = replace(request, organization_arn=organization.arn)
        role_id = request.impersonator_id or None
        if role_id and request.protocol is not Protocol.EWS:
            return Admission(request, Refusal.NOT_FOR_ROLES, (access_evaluation(request, granted=False),))
        user_id = None if role_id else request.user_id
        found = rules.decide(request.protocol.value, request.source_ip, user_id, role_id)
        granted = found.effect is AccessEffect.ALLOW
        record = access_evaluation(request, granted=granted, rule_id=found.rule_name or "")
        if not granted:
            refusal = Refusal.DENIED_BY_RULE if found.rule_name else Refusal.NO_RULE
            return Admission(request, refusal, (record,))
        return self._impersonate(request, record) if role_id else Admission(request, None, (record,))

    def _impersonate(self, request: Request, record: AuditRecord) -> Admission:
        """Decide whether a role may impersonate a user. Without a user, there is nothing to evaluate."""
        if not request.user_id:
            return Admission(request, Refusal.NO_USER, (record,))
        role = self._records.owned(ImpersonationRole, request.organization_id, request.impersonator_id)
        effect = role.effect(request.user_id) if role else None
        allowed = effect is not None and effect.allowed
        rule_id = effect.matched[0].id if effect and effect.matched else ""
        scope = Scope.IMPERSONATION_ACCESS_CONTROL
        evaluated = access_evaluation(request, granted=allowed, scope=scope, rule_id=rule_id)
        refusal = None if allowed else Refusal.DENIED_TO_ROLE if role else Refusal.NO_ROLE
        return Admission(request, refusal, (record, evaluated), role)

    def act(
        self,
        admission: Admission,
        action: MailboxAction,
        target: MailboxObject,
        *,
        folder_allows: bool = False,
        only_owner: bool = False,
        number: int = 0,
    ) -> Act:
        """Decide whether an action is allowed; at most two keyed reads.

        Args:
            admission: of the request; if it is refused, so is each action.
            action: what is to be done.
            target: what it is to be done to.
            folder_allows: whether the folder's own permissions allow it, as those of calendars may. If not, the mailbox
                must be the user's own, or open to the user by FULL_ACCESS.
            only_owner: whether no permission allows it.
            number: tells equal actions of one request apart.
        """
        refusal = admission.refusal or self._refusal(admission, action, target, folder_allows, only_owner)
        record = mailbox_access(
            admission.request,
            action,
            owner_id=target.owner_id,
            object_type=target.object_type,
            allowed=refusal is None,
            folder_id=target.folder_id,
            folder_path=folder_path(*target.folder_names),
            item_id=target.item_id,
            attachment_path=target.attachment_path,
            number=number,
        )
        return Act(refusal, record)

    def _refusal(
        self, admission: Admission, action: MailboxAction, target: MailboxObject, folder_allows: bool, only_owner: bool
    ) -> Refusal | None:
        request, role = admission.request, admission.role
        if role is not None and role.type is RoleType.READ_ONLY and action not in READING:
            return Refusal.READ_ONLY
        if only_owner:
            return None if target.owner_id == request.user_id else Refusal.NOT_OWNER
        if folder_allows or has_full_access(self._records, request.organization_id, request.user_id, target.owner_id):
            return None
        return Refusal.NO_PERMISSION
