"""Create-, Delete-, ListPersonalAccessToken(s), GetPersonalAccessTokenMetadata.

Every attempt to create or delete a token of a user has an audit record, which is kept before the token is written or
removed. ``user`` in it is the token's owner, because the caller of this API is no user (ours). Source: guide, ZH:1715
and ZH:6385-6412; for what it does not say, docs/parity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from postroom.access import tokens
from postroom.admin import idempotency, identity_provider, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts import audit_log
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    InvalidParameterException,
    LimitExceededException,
    OrganizationStateException,
    ResourceNotFoundException,
)
from postroom.contracts.audit_log import Protocol, TokenAction
from postroom.contracts.batching import batched
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.identity import PersonalAccessToken, TokenOfUser, TokenStatus
from postroom.model.limits import DAY_MS
from postroom.model.records import Check, Insert, Remove
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.contracts.audit_log import AuditRecord
    from postroom.model.identity import IdentityProvider
    from postroom.model.records import Change, Entity, Organization

MAX_TOKENS: Final = 50
"""Most tokens of a user, expired ones included. Ours; WorkMail's quota is not public."""

SCOPES: Final = (
    Protocol.ACTIVE_SYNC,
    Protocol.AUTODISCOVER,
    Protocol.EWS,
    Protocol.IMAP,
    Protocol.SMTP,
    Protocol.WINDOWS_OUTLOOK,
)
"""What a token may be limited to: protocols of mail clients. Ours; WorkMail's scopes are not public."""


def create(
    context: Context, request: requests.CreatePersonalAccessTokenRequest, now: int
) -> answers.CreatePersonalAccessTokenResponse:
    """Make a token of a user, and return it, which is possible once: only its SHA-256 is kept."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.not_deleted(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    replay = idempotency.look_up(context, "CreatePersonalAccessToken", request, now)
    if replay.answer is not None:
        return {"PersonalAccessTokenId": replay.answer}
    provider = identity_provider.find(context, organization)
    token_id = context.new_uuid()
    text = tokens.text_of(token_id, context.random_bytes(tokens.SECRET_BYTES))
    token = PersonalAccessToken(
        organization_id=organization.id,
        id=token_id,
        user_id=user.id,
        name=request["Name"],
        digest=tokens.digest_of(text),
        created=max(now, user.enabled or 0),  # clocks differ, and a token is younger than its user's registration
        scopes=_scopes(request),
        expires_ms=_expires_ms(provider, request, now),
    )
    context.audit_trail.record([_event(context, organization, user, token, TokenAction.CREATE, now)])
    provider = identity_provider.given(provider, organization)
    _refuse(context, provider, user)
    added: list[Change] = [Insert(token), Insert(_entry(token)), *replay.remember(token_id)]
    context.directory.commit([Check(organization), Check(user), Check(provider), *added])
    return {"PersonalAccessTokenId": token_id, "Token": text}


def delete(
    context: Context, request: requests.DeletePersonalAccessTokenRequest, now: int
) -> answers.DeletePersonalAccessTokenResponse:
    """Delete a token, which ends with this. It is no error if it does not exist (the model lists none)."""
    organization = lookup.organization(context, request["OrganizationId"])
    token = context.directory.owned(PersonalAccessToken, organization.id, request["PersonalAccessTokenId"])
    if token:
        user = context.directory.entity(organization.id, token.user_id)
        context.audit_trail.record([_event(context, organization, user, token, TokenAction.DELETE, now)])
        context.directory.commit([Remove(token), Remove(_entry(token))])
    return {}


def describe(
    context: Context, request: requests.GetPersonalAccessTokenMetadataRequest, _now: int
) -> answers.GetPersonalAccessTokenMetadataResponse:
    """Return what is known of a token; never the token itself."""
    organization = lookup.organization(context, request["OrganizationId"])
    token_id = request["PersonalAccessTokenId"]
    token = context.directory.owned(PersonalAccessToken, organization.id, token_id)
    if token is None:
        raise ResourceNotFoundException(f"There is no personal access token {token_id} in the organization.")
    return cast("answers.GetPersonalAccessTokenMetadataResponse", _described(token))


def list_(context: Context, request: requests.ListPersonalAccessTokensRequest, _now: int) -> dict[str, object]:
    """List the tokens of a user, or of the organization, ordered by id; expired ones are among them (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    user_id = None
    if "UserId" in request:
        user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
        user_id = lookup.not_deleted(user).id
    found, token = pages.page(
        context,
        "ListPersonalAccessTokens",
        request,
        lambda after: _tokens(context, organization.id, user_id, after),
        lambda each: each.id,
    )
    return present(PersonalAccessTokenSummaries=[_described(each) for each in found], NextToken=token)


def end_all(context: Context, organization: Organization, user: Entity, now: int) -> None:
    """Remove the tokens of a user who was disabled or deleted, with their records.

    Tokens have no effect from the user's change on; the next call for the user continues an interrupted removal.
    """
    for some in batched(_tokens(context, organization.id, user.id, None), MAX_TOKENS):
        deletions = [
            _event(context, organization, user, token, TokenAction.DELETE, now, number)
            for number, token in enumerate(some)
        ]
        context.audit_trail.record(deletions)
        context.directory.commit([Remove(row) for token in some for row in (token, _entry(token))])


def _tokens(
    context: Context, organization_id: str, user_id: str | None, after: str | None
) -> Iterator[PersonalAccessToken]:
    """Yield tokens by id, those of one user if there is one."""
    if user_id is None:
        yield from every_owned(context.directory, PersonalAccessToken, organization_id, after)
        return
    own = f"{user_id}#"
    entries = every_owned(context.directory, TokenOfUser, organization_id, after and own + after, within=own)
    for entry in entries:
        token = context.directory.owned(PersonalAccessToken, organization_id, entry.token_id)
        if token:
            yield token


def _refuse(context: Context, provider: IdentityProvider, user: Entity) -> None:
    """Refuse to make a token that would not be accepted.

    Raises:
        OrganizationStateException: tokens are inactive.
        EntityStateException: the user is not enabled, has no mailbox here, or no user of IAM Identity Center.
        LimitExceededException: the user has as many tokens as there may be.
    """
    if provider.token_status is not TokenStatus.ACTIVE:
        raise OrganizationStateException("Personal access tokens are inactive in this organization.")
    if user.state is not EntityState.ENABLED or user.role is not Role.USER:
        raise EntityStateException(f"User {user.id} has no mailbox that mail clients may read.")
    if not user.attributes.get("IdentityProviderUserId"):
        raise EntityStateException(f"User {user.id} is not associated with a user of IAM Identity Center.")
    if len(list(_tokens(context, user.organization_id, user.id, None))) >= MAX_TOKENS:
        raise LimitExceededException(f"A user has at most {MAX_TOKENS} personal access tokens; delete one first.")


def _scopes(request: requests.CreatePersonalAccessTokenRequest) -> tuple[str, ...]:
    given = dict.fromkeys(request.get("Scopes", ()))
    if not given.keys() <= set(SCOPES):
        raise InvalidParameterException(f"Scopes: each is one of {', '.join(SCOPES)}.")
    return tuple(given)


def _expires_ms(
    provider: IdentityProvider | None, request: requests.CreatePersonalAccessTokenRequest, now: int
) -> int | None:
    """Return when a new token expires: after the request's days, at most those of the configuration (ours)."""
    most = provider.lifetime_days if provider else None
    days = request.get("LifetimeInDays", most)
    if days is not None and most is not None and days > most:
        raise InvalidParameterException(f"LifetimeInDays: tokens of this organization last at most {most} days.")
    return None if days is None else now + days * DAY_MS


def _entry(token: PersonalAccessToken) -> TokenOfUser:
    return TokenOfUser(organization_id=token.organization_id, user_id=token.user_id, token_id=token.id)


def _event(
    context: Context,
    organization: Organization,
    user: Entity | None,
    token: PersonalAccessToken,
    action: TokenAction,
    now: int,
    number: int = 0,
) -> AuditRecord:
    request = audit_log.Request(
        id=context.call.request_id,
        organization_id=organization.id,
        organization_arn=organization.arn,
        at_ms=now,
        protocol=Protocol.WEB_MAIL,  # the record has "webapp"
        source_ip=context.call.source_ip,
        user_agent=context.call.user_agent,
        user_id=token.user_id,
        unique_id=context.call.unique_id,
    )
    name = user.name if user else ""
    return audit_log.token_event(
        request,
        action,
        user=name,
        name=token.name,
        expires_ms=token.expires_ms,
        scopes=token.scopes,
        number=number,
    )


def _described(token: PersonalAccessToken) -> dict[str, object]:
    return present(
        PersonalAccessTokenId=token.id,
        UserId=token.user_id,
        Name=token.name,
        DateCreated=seconds(token.created),
        DateLastUsed=seconds(token.last_used),
        ExpiresTime=seconds(token.expires_ms),
        Scopes=list(token.scopes) or None,
    )
