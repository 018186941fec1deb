"""SES v2: event destinations of configuration sets, and feedback forwarding of identities, which moto has not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from moto.ses.exceptions import InvalidParameterValue
from moto.ses.models import SESFeedback
from moto.sesv2 import urls
from moto.sesv2.responses import SESV2Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.ses.models import SESBackend


def create_configuration_set_event_destination(self: SESV2Response) -> str:
    """CreateConfigurationSetEventDestination; one destination a set, and only topics are published to."""
    name = self._get_param("ConfigurationSetName")
    backend = self.sesv2_backend.core_backend
    backend.describe_configuration_set(name)
    asked = json.loads(self.body)
    if "SnsDestination" not in asked["EventDestination"]:
        raise InvalidParameterValue("The local stack publishes events to topics only.")
    backend.config_set_event_destination[name] = asked["EventDestination"]
    return "{}"


def put_email_identity_feedback_attributes(self: SESV2Response) -> str:
    """PutEmailIdentityFeedbackAttributes."""
    enabled = bool(json.loads(self.body).get("EmailForwardingEnabled", False))
    backend = self.sesv2_backend.core_backend
    backend.set_identity_feedback_forwarding_enabled(self._get_param("EmailIdentity"), enabled)
    return "{}"


def reported(backend: SESBackend, asked: Mapping[str, Any], sender: str) -> dict[str, Any] | None:
    """Return where events of a send go, and what they say of it; ``None``: nowhere, so that SES forwards by mail.

    Source: SES API v2 reference, PutEmailIdentityFeedbackAttributes: what has no other means is forwarded in any case.
    """
    name = asked.get("ConfigurationSetName", "")
    if name:
        backend.describe_configuration_set(name)
    destination: dict[str, Any] = backend.config_set_event_destination.get(name, {})
    if not destination.get("Enabled"):
        return None
    tags = {each["Name"]: [each["Value"]] for each in asked.get("EmailTags", ())}
    return {
        "topic": destination["SnsDestination"]["TopicArn"],
        "types": destination["MatchingEventTypes"],
        "tags": {"ses:configuration-set": [name], **tags},
        "forwarded": _is_forwarded(backend, sender),
    }


def _is_forwarded(backend: SESBackend, sender: str) -> bool:
    """Say whether SES forwards bounces of a sender by mail, too: an identity does, until it is told not to."""
    domain = sender.rpartition("@")[2]
    said = [backend.sns_topics.get(each, {}).get(SESFeedback.FORWARDING_ENABLED) for each in (sender, domain)]
    return bool(next((each for each in said if each is not None), True))


PATHS: Final = (
    "{0}/v2/email/configuration-sets/(?P<ConfigurationSetName>[^/]+)/event-destinations$",
    "{0}/v2/email/identities/(?P<EmailIdentity>[^/]+)/feedback$",
)
"""moto's server answers only paths that it lists. Source: SES API v2's model, the operations' request URIs."""


def apply() -> None:
    """Put the functions above in place of moto's, and list their paths."""
    for path in PATHS:
        urls.url_paths[path] = SESV2Response.dispatch
    SESV2Response.create_configuration_set_event_destination = create_configuration_set_event_destination
    SESV2Response.put_email_identity_feedback_attributes = put_email_identity_feedback_attributes
