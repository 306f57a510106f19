"""Frozen values, the table of architectures and the error tree. No effects, no other harness room.

Every value survives a round trip through JSON (``pydantic.TypeAdapter``), as ``run.json`` needs.
"""
