"""Debian packages: pinned in locks (``package_lock``) and fetched by digest (``upstream``).

The signed index (``apt_index``) is queried for packages that no lock pins.
"""

from harness.images.debian.packages import Package, PackageSet, SourceChoice
from harness.images.debian.upstream import Upstream, Workspace

__all__ = ["Package", "PackageSet", "SourceChoice", "Upstream", "Workspace"]
