"""What predictions cannot know, each with its reason: an observation in, its limit out."""

from fnmatch import fnmatchcase

OPTIONAL = {
    "aiohttp": ("aiohttp.*",),
    "charset-normalizer": ("charset_normalizer.*",),
    "coverage": ("coverage.tracer",),
    "frozenlist": ("frozenlist.*",),
    "immutables": ("immutables._map",),
    "lazy-object-proxy": ("lazy_object_proxy.cext",),
    "markupsafe": ("markupsafe._speedups",),
    "msgpack": ("msgpack._cmsgpack",),
    "multidict": ("multidict._multidict",),
    "propcache": ("propcache.*",),
    "protobuf": ("google._upb._message",),
    "pyyaml": ("yaml._yaml", "_yaml"),
    "rapidfuzz": ("rapidfuzz.*",),
    "simplejson": ("simplejson._speedups",),
    "sqlalchemy": ("sqlalchemy.cyextension.*",),
    "websockets": ("websockets.speedups",),
    "wrapt": ("wrapt._wrappers",),
    "yarl": ("yarl.*",),
    "zope-interface": ("zope.interface._zope_interface_coptimizations",),
}
"""Per project its extension modules (globs) that its Python code does without.

Each is imported in a ``try`` with a fallback. Nothing in a wheel's names or ELF files tells
such a module from one that is needed.
"""


def is_optional(distribution: str, module: str) -> bool:
    """Whether the project works without ``module``, only slower."""
    return any(fnmatchcase(module, glob) for glob in OPTIONAL.get(distribution, ()))
