"""Read the lock files of applications: requirements files, pylock.toml and uv.lock.

The way in is ``lock_files.read_lock_file``.
"""
