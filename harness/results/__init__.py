"""Cells and observations in, judgement out: grid, comparison, gate, query, ``run.json``."""
