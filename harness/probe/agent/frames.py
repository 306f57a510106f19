"""Frames between host and agent, and between agent and installer.

A frame is four bytes (big endian) of length and that much JSON, followed by the blobs whose
sizes its JSON lists under "blobs".
"""

import json
import struct


def read_frame(stream):
    """Return the next frame with its blobs; raises ``EOFError`` where the stream ends."""
    (size,) = struct.unpack(">I", _read_exactly(stream, 4))
    frame = json.loads(_read_exactly(stream, size).decode("utf-8"))
    frame["blobs"] = [_read_exactly(stream, n) for n in frame.get("blobs", ())]
    return frame


def write_frame(stream, frame, blob=b""):
    """Write one frame, with the one blob that it may have."""
    data = json.dumps(dict(frame, blobs=[len(blob)]) if blob else frame).encode("ascii")
    stream.write(struct.pack(">I", len(data)) + data + blob)
    stream.flush()


def _read_exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data
