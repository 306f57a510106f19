"""Find, build, read and rewrite the wheels of subjects."""
