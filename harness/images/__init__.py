"""Where target images come from: a target in, an image in the engine out.

``ImageStore`` is the way in. One module a way behind ``ImageSource``: ``registry.py``
pulls and prepares, ``assembled.py`` puts a Debian root file system together,
``replica.py`` puts a rebuilt interpreter on one. ``inventory.py`` tells what there is of it all.
"""

from harness.images.image_cache import ImageStore
from harness.images.source import ImageSource

__all__ = ["ImageSource", "ImageStore"]
