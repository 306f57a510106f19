"""Read the matrix files and plan their cells: selection, shards, changes, pins."""
