"""Everything with an effect on this machine: files, processes, downloads, the container engine."""
