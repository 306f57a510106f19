"""Probing: one hardened container a target image, in which wheels are installed and imported."""
