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
