"""The inventory of images: sizes, ages, users."""

from harness.core.observations import ImageRef
from harness.core.targets import ImageWay
from harness.images.inventory import StoragePlace, StoredItem
from harness.report.inventory import format_built, format_inventory
from tests.support.targets import alpine_replica

MIB = 1 << 20


def item(name: str, *targets: str, age: float | None = None) -> StoredItem:
    made_at = 0.0 if age is None else 1_000_000.0 - age
    return StoredItem(
        place=StoragePlace.ENGINE, name=name, size=3 * MIB, made_at=made_at, targets=tuple(targets)
    )


def test_inventory_has_a_line_per_item_and_totals() -> None:
    """An unknown age is a dash; many users are counted."""
    items = [
        item("a:1", "t/1", "t/2", "t/3", "t/4", age=7200),
        item("b:1", age=200_000),
        item("c:1", "t/1"),
        item("d:1", "t/1", age=-5),
    ]
    assert format_inventory(items, now=1_000_000.0).splitlines() == [
        "    3 MiB      2 h  a:1  t/1 t/2 t/3 and 1 more",
        "    3 MiB      2 d  b:1  unused",
        "    3 MiB        -  c:1  t/1",
        "    3 MiB      0 s  d:1  t/1",
        "4 (12 MiB), of which no target uses 1 (3 MiB)",
    ]


def test_a_built_image_is_one_line() -> None:
    """The origin is untrusted text."""
    ref = ImageRef(id="sha256:1", way=ImageWay.REPLICA, origin="replica of\nalpine")
    line = format_built(alpine_replica(), ref, size=40 * MIB, seconds=1.26)
    assert line.startswith("alpine-3.14-replica/x86_64  replica  1.3 s  40 MiB  replica of")
    assert "\n" not in line
