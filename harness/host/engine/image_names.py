"""Names of images, as ``docker pull`` takes them."""


def split_reference(reference: str) -> tuple[str, str]:
    """Return name and tag (or digest) of an image reference; the tag is ``latest`` by default."""
    path, _, digest = reference.partition("@")
    folder, slash, last = path.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{folder}{slash}{name}", digest or tag or "latest"
