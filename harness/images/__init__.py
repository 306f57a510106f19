"""Where target images come from: a target in, an image in the engine out.

``ImageStore`` is the way in. One module a way behind ``ImageSource``: ``registry.py``
pulls and prepares, ``assembled.py`` puts a Debian root file system together,
``replica.py`` puts a rebuilt interpreter on one. ``stock.py`` tells what there is of it all.
"""

from harness.images.source import ImageSource
from harness.images.store import ImageStore

__all__ = ["ImageSource", "ImageStore"]
