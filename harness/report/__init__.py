"""What a run says to people and to programs: a grid in; terminal text and files out."""
