"""moto runs Lambda functions and Batch jobs in Docker containers if it can; the local stack runs them itself."""

from __future__ import annotations

import moto.core.config


def forbid() -> None:
    """Let moto's Lambda and Batch answer without a container."""
    moto.core.config.default_user_config["lambda"] = {"use_docker": False}
    moto.core.config.default_user_config["batch"] = {"use_docker": False}
