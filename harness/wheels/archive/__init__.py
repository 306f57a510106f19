"""Read and rewrite wheels: file name, zip archive, metadata and ELF files."""
