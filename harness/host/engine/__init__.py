"""The container engine: the ``Engine`` protocol and its implementation over docker-py."""

from harness.host.engine.api import (
    Channel,
    Completed,
    ContainerSpec,
    Engine,
    EngineImage,
    EngineInfo,
    PreparedImage,
)
from harness.host.engine.hardening import HARDENING, ContainerLimits, Hardening

__all__ = [
    "HARDENING",
    "Channel",
    "Completed",
    "ContainerLimits",
    "ContainerSpec",
    "Engine",
    "EngineImage",
    "EngineInfo",
    "Hardening",
    "PreparedImage",
]
