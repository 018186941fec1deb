"""SetJournalingRules, GetJournalingRules: where journal reports go. Source: guide, ZH:7390-7433."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import lookup, mail_domains, rules
from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.errors import SubmissionRefusedError
from postroom.model.journaling import JournalingRules
from postroom.submission.recipients import recipient

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests

AUTHOR: Final = "amazonjournaling"
"""Local part of the reports' From; no entity can get it (``admin.entities``). Source: guide, ZH:7402-7405."""


def set_(
    context: Context, request: requests.SetJournalingRulesRequest, _now: int
) -> answers.SetJournalingRulesResponse:
    """Switch journaling on or off, from the next message on; an address that is not given stays as it is."""
    organization = lookup.organization(context, request["OrganizationId"])
    author = f"{AUTHOR}@{mail_domains.test_domain_name(context, organization.alias)}"
    former = rules.journaling_rules(context, organization.id)
    addresses = (former.address, former.report_address) if former else ("", "")
    wanted = JournalingRules(
        organization_id=organization.id,
        enabled=request["Enabled"],
        address=_address("JournalingAddress", request.get("JournalingAddress"), author) or addresses[0],
        report_address=_address("ReportAddress", request.get("ReportAddress"), author) or addresses[1],
        author=author,
    )
    if wanted.enabled and not (wanted.address and wanted.report_address):
        raise InvalidParameterException("Journaling needs a JournalingAddress and a ReportAddress.")
    if former is None or replace(wanted, version=former.version) != former:
        rules.change_journaling(context, organization, wanted)
    return {}


def get(context: Context, request: requests.GetJournalingRulesRequest, _now: int) -> answers.GetJournalingRulesResponse:
    """Describe journaling; addresses that were never given are left out."""
    found = rules.journaling_rules(context, lookup.organization(context, request["OrganizationId"]).id)
    if found is None:
        return {"Enabled": False}
    answer: answers.GetJournalingRulesResponse = {"Enabled": found.enabled}
    if found.address:
        answer["JournalingAddress"] = found.address
    if found.report_address:
        answer["ReportAddress"] = found.report_address
    return answer


def _address(member: str, text: str | None, author: str) -> str:
    """Return an address as it was given, with its domain in A-labels; empty if it is not given."""
    if text is None:
        return ""
    try:
        found = recipient(text)
    except SubmissionRefusedError as error:
        raise InvalidParameterException(f"{member} is no address that mail can be sent to.") from error
    if str(found.folded()) == author:
        raise InvalidParameterException(f"{member}: journal reports are sent from {author}, which has no mailbox.")
    return str(found)
