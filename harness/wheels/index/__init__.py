"""Pin, choose and download wheels of a package index."""
