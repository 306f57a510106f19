"""Frames between host and agent, and between agent and helpers.

A frame is four bytes (big endian) of length and that much JSON. The blobs whose sizes its JSON
lists under "blobs" follow it.
"""

import json
import os
import struct

CHUNK = 1 << 20  # bytes of a blob that are held at a time


def read_frame(stream):
    """Return the next frame; raise ``EOFError`` at the end of the stream."""
    (size,) = struct.unpack(">I", _read_exactly(stream, 4))
    return parse_frame(_read_exactly(stream, size))


def write_frame(stream, frame, blob=None):
    """Write one frame, with the one blob that it may have: the file at that path."""
    size = os.path.getsize(blob) if blob else 0
    _write(stream, pack_frame(dict(frame, blobs=[size]) if size else frame))
    if size:
        with open(blob, "rb") as source:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                _write(stream, chunk)
    stream.flush()


def pack_frame(frame):
    """Return a frame's bytes."""
    data = json.dumps(frame).encode("ascii")
    return struct.pack(">I", len(data)) + data


def parse_frame(data):
    """Return the frame of that JSON."""
    return json.loads(data.decode("utf-8"))


def receive_file(stream, size, path):
    """Write a blob of the stream to ``path``; return whether there was room for it."""
    room = True
    with open(path, "wb", buffering=0) as file:
        while size:
            chunk = stream.read(min(size, CHUNK))
            if not chunk:
                raise EOFError
            size -= len(chunk)
            try:
                room = room and _write(file, chunk)
            except OSError:
                room = False  # what follows must be read all the same
    return room


def _write(stream, data):
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]
    return True


def _read_exactly(stream, size):
    data = b""
    while len(data) < size:
        chunk = stream.read(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data
