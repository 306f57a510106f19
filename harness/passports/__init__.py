"""Complete passports with a target's libraries, and store them as files."""
