"""Resolve a wheel's dependencies for a target, as its installer would, to wheels only.

The way in is ``resolution.DependencyResolver``. resolvelib searches; packaging reads requirements,
markers and versions. pip's own resolver takes tags from outside but evaluates markers for its host
(pypa/pip#11664), and ``uv pip compile`` knows only a fixed list of platforms.
"""
