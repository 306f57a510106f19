"""The container engine: the ``Engine`` protocol and its implementation over docker-py."""

from harness.host.engine.api import (
    Channel,
    Completed,
    ContainerSpec,
    Engine,
    EngineImage,
    EngineInfo,
)
from harness.host.engine.hardening import HARDENING, Hardening, Limits

__all__ = [
    "HARDENING",
    "Channel",
    "Completed",
    "ContainerSpec",
    "Engine",
    "EngineImage",
    "EngineInfo",
    "Hardening",
    "Limits",
]
