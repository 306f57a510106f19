"""What joins rooms: a request in, a finished run out."""
