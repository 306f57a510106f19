"""Libraries folded and unfolded."""

from hypothesis import given
from hypothesis import strategies as st

from harness.core.passport import SystemLibrary
from harness.passports.libraryfold import LibraryRow, fold_libraries, unfold_libraries

NAMES = st.text("ab .-é", min_size=1, max_size=4)
LIBRARIES = st.lists(
    st.builds(
        SystemLibrary,
        name=NAMES,
        path=st.builds(
            lambda folder, file: f"{folder}/{file}",
            st.sampled_from(["", "/lib", "/usr/lib"]),
            NAMES,
        ),
        needed=st.lists(NAMES, max_size=2).map(tuple),
        symbols=st.sampled_from(["", "0abba879d91e8317"]),
    ),
    unique_by=lambda library: library.name,
    max_size=8,
).map(lambda found: tuple(sorted(found, key=lambda library: library.name)))


@given(libraries=LIBRARIES)
def test_round_trip(libraries: tuple[SystemLibrary, ...]) -> None:
    """Any libraries unfold to the same libraries in order."""
    assert unfold_libraries(fold_libraries(libraries)) == libraries


def test_a_row() -> None:
    """A row has the file only if it differs from the name."""
    libraries = (
        SystemLibrary(name="liba.so.1", path="/lib/liba.so.1.0", needed=("libc.so.6",)),
        SystemLibrary(name="libc.so.6", path="/lib/libc.so.6", symbols="0a"),
    )
    assert fold_libraries(libraries) == {
        "/lib": (
            LibraryRow("liba.so.1", "liba.so.1.0", ("libc.so.6",), ""),
            LibraryRow("libc.so.6", "", (), "0a"),
        )
    }
