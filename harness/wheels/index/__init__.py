"""Wheels from the package index: what is pinned, which one an installer takes, and its bytes."""
