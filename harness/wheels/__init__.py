"""A subject in, a wheel file and its facts out."""
