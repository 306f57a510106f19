"""A project's configuration: ``wheelgrid.toml`` or ``[tool.wheelgrid]`` → settings and rows."""
