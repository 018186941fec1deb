"""The variables of functions in a container: the file that `sam local invoke --env-vars` reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST: Final = "host.docker.internal"
"""This machine, as a container names it; samconfig.toml adds the name."""

ENDPOINTS: Final = tuple(f"AWS_ENDPOINT_URL_{each}" for each in ("DYNAMODB", "LAMBDA", "SES", "SESV2"))
"""Variables in template.yaml for services that may be at an address of their own.

sam sets only variables that a template has, and the template's value where the file has none.
"""


def variables(exported: Mapping[str, str], environment: Mapping[str, str], reach: str) -> dict[str, str]:
    """Return the variables of one function.

    Args:
        exported: what `up` exports; that which is not about AWS, or names a folder of this machine, is left out.
        environment: of the function; it wins.
        reach: the host in the URLs that `up` exports. LocalStack may be at another name of this machine.
    """
    general = dict.fromkeys(ENDPOINTS, exported["AWS_ENDPOINT_URL"])
    about_aws = {name: value for name, value in exported.items() if name.startswith("AWS_") and name != "AWS_DATA_PATH"}
    here = re.compile(rf"//(?:{re.escape(reach)}|localhost|127\.0\.0\.1):")
    together = {**general, **about_aws, **environment}
    return {name: here.sub(f"//{HOST}:", value) for name, value in together.items()}
