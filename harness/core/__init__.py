"""Frozen values, the table of architectures, the tree of errors: no effect, no import of ours.

All plain data: every value here survives a round trip through JSON
(``pydantic.TypeAdapter`` reads them back), which is how ``run.json`` is written.
"""
