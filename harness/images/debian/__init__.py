"""Packages of the distribution: what is asked for in, files with known digests out.

What is taken is written down in a lock (``package_lock``). It is fetched by its digest
(``upstream``), and the signed index (``apt_index``) is asked where the lock does not help.
"""

from harness.images.debian.packages import Package, PackageSet, SourceChoice
from harness.images.debian.upstream import Upstream, Workspace

__all__ = ["Package", "PackageSet", "SourceChoice", "Upstream", "Workspace"]
