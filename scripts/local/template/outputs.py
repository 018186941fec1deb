"""What the outputs of our template are on a local stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def local(outputs: Mapping[str, str], *, api_url: str, speed: int) -> dict[str, str]:
    """Return a template's outputs as they are here: the APIs at the local URL, and the stack's speed.

    Args:
        outputs: as the template has them, with host names of API Gateway.
        api_url: where `up` answers for the APIs.
        speed: divisor of delays.
    """
    here = {"WorkMailEndpointUrl": api_url, "WorkMailMessageFlowEndpointUrl": api_url}
    return {**outputs, **here, "EwsUrl": f"{api_url}/EWS/Exchange.asmx", "Speed": str(speed)}
