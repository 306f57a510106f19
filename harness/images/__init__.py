"""Make target images and load them into the engine. ``ImageProvider`` is the entry point.

Each way is an ``ImageSource``: ``registry`` pulls and prepares an image, ``assembled`` assembles a
Debian root file system, ``replica`` adds a rebuilt interpreter to one.
"""

from harness.images.image_provider import ImageProvider
from harness.images.source import ImageSource

__all__ = ["ImageProvider", "ImageSource"]
