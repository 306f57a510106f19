"""Judge and compare observed cells: grid, comparison, release gate, query, ``run.json``."""
