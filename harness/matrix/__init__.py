"""``matrix/*.yaml`` in, cells out: fields, planning, selection, shards, pins."""
