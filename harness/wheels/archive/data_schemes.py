"""The schemes of a wheel's ``.data/`` directory, and where an installer puts each.

Source: "Binary distribution format" specification, "The .data directory".
"""

SITE_PACKAGES = "site-packages"
SCHEMES = {
    "purelib": SITE_PACKAGES,
    "platlib": SITE_PACKAGES,
    "scripts": "bin",
    "data": "the environment's prefix",
    "headers": "include",
}
"""Scheme → where its files are installed (sysconfig's install paths)."""


def site_path(member: str) -> str:
    """Return where a member lies below site-packages; empty if it is installed elsewhere."""
    root, _, rest = member.partition("/")
    if not root.endswith(".data"):
        return member
    scheme, _, below = rest.partition("/")
    return below if SCHEMES.get(scheme) == SITE_PACKAGES else ""


def target_path(member: str) -> str:
    """Return where a member lies below the folder that `pip install --target` fills.

    Empty if it is installed elsewhere. Scripts go to ``bin`` there, and data to the folder itself,
    but for ``lib``, which pip leaves out (``InstallCommand._handle_target_dir``).
    """
    root, _, rest = member.partition("/")
    scheme, _, below = rest.partition("/")
    if not root.endswith(".data") or SCHEMES.get(scheme) == SITE_PACKAGES:
        return site_path(member)
    if not below or (scheme == "data" and below.startswith("lib/")):
        return ""
    return {"scripts": f"bin/{below}", "data": below}.get(scheme, "")
