"""The container engine: the ``Engine`` protocol and its implementation over docker-py."""

from harness.host.engine.api import (
    Channel,
    Completed,
    ContainerSpec,
    Engine,
    EngineImage,
    EngineInfo,
    Limits,
)

__all__ = [
    "Channel",
    "Completed",
    "ContainerSpec",
    "Engine",
    "EngineImage",
    "EngineInfo",
    "Limits",
]
