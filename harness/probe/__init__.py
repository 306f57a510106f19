"""Install and import wheels in one hardened container per target image."""
