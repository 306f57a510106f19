"""The container engine: images in, hardened containers out.

``Engine`` is the seam: everything above speaks to this protocol, ``docker.py`` is the
real one (docker-py), and the tests' fake engine is another.
"""

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
