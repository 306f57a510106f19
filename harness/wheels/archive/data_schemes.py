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
ABOVE = "../../"
"""How the path of data in ``lib`` begins, from site-packages."""
_LIB = "lib/"


def site_path(member: str) -> str:
    """Return where a member lies, from site-packages; empty if it is installed elsewhere.

    Data in ``lib`` lies two folders above, as in an environment whose site-packages are in
    ``lib/python3.13``: modules find the libraries of other wheels there by ``$ORIGIN/../../..``.
    """
    root, _, rest = member.partition("/")
    if not root.endswith(".data"):
        return member
    scheme, _, below = rest.partition("/")
    if scheme == "data" and below.startswith(_LIB) and below != _LIB:
        return ABOVE + below.removeprefix(_LIB)
    return below if SCHEMES.get(scheme) == SITE_PACKAGES else ""


def cell_path(member: str) -> str:
    """Return where a member lies, from the site-packages of a cell; empty if it lies nowhere.

    That is the folder of `pip install --target`, which gets scripts in ``bin``, and data too.
    """
    if place := site_path(member):
        return place
    _, _, rest = member.partition("/")
    scheme, _, below = rest.partition("/")
    return {"scripts": f"bin/{below}", "data": below}.get(scheme, "") if below else ""
