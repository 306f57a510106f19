"""Make target images and load them into the engine. ``image_provider`` is the entry point.

Each way is an ``ImageSource``: ``registry`` pulls and prepares an image, ``assembled`` assembles a
Debian root file system, ``replica`` adds a rebuilt interpreter to one.
"""
