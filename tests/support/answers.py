"""A sample answer of the agent to ``hello``."""

from typing import Any

HELLO: dict[str, Any] = {
    **dict.fromkeys(
        ("python", "implementation", "soabi", "ext_suffix", "multiarch", "platform", "libc"), "x"
    ),
    **dict.fromkeys(("token", "machine", "kernel", "installer"), "x"),
    "turn": 0,
    "sealed": True,
    "extension_suffixes": [".so"],
    "tags": ["py3-none-any"],
    "elf": {"machine": 62, "bits": 64, "little": True},
    "page_size": 4096,
    "externally_managed": False,
    "enforced": {
        "status": {},
        "mounts": {},
        "interfaces": [],
        "files": {},
        "core": "0",
        "own_profile": True,
    },
}
