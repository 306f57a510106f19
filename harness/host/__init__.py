"""Every effect on this machine: files, processes, the container engine, its doctor."""
