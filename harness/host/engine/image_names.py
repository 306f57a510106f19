"""Names of images, as ``docker pull`` takes them."""


def split_reference(reference: str) -> tuple[str, str]:
    """Return name and tag (or digest) of an image reference; the tag is ``latest`` by default."""
    if "@" in reference:
        name, _, digest = reference.partition("@")
        head, _, last = name.rpartition("/")
        return f"{head}/{last.partition(':')[0]}".lstrip("/"), digest
    head, _, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}/{name}".lstrip("/"), tag or "latest"
