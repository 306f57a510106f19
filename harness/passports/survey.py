"""Complete a passport with the libraries that the loader of its image finds.

The image is exported once and read on the host; nothing in it runs. Results are cached by the
image's content.
"""

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.passport import Passport, exec_stack_of
from harness.core.targets import ImageWay, Target
from harness.host.cache import Cache, content_key
from harness.host.code_key import code_key
from harness.host.engine import Engine
from harness.passports.library_search import LoaderLibraries, find_libraries
from harness.passports.rootfs import Rootfs

_FOUND: TypeAdapter[LoaderLibraries] = TypeAdapter(LoaderLibraries)
_NOTHING = LoaderLibraries(loader="", linked=(), exports="", libraries=())


class Surveyor:
    """Surveys images (``harness.predict.cell.Survey``), each once."""

    def __init__(self, engine: Engine, cache: Cache, announce: Callable[[str], None]) -> None:
        self._engine = engine
        self._cache = cache
        self._announce = announce
        self._sets: dict[str, frozenset[str]] = {}

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return a symbol set of a completed passport."""
        return self._sets[set_id]

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:
        """Return ``passport`` with the loader, its libraries and the interpreter's exports.

        These are empty if the interpreter is no ELF file. The modules that a replica lacks are left
        out: its original may have them. Takes 1 to 2 s for a new image. Raises ``EngineError`` and
        ``CacheError``.
        """
        key = content_key(image.id, target.interpreter, target.arch_name, code_key(__name__))
        entry = self._cache.get("surveys", f"{key}.json", lambda at: self._read(target, image, at))
        found = _FOUND.validate_json(entry.read_bytes())
        self._sets.update((name, frozenset(each)) for name, each in found.symbol_sets.items())
        return replace(
            passport,
            lacks=() if image.way is ImageWay.REPLICA else passport.lacks,
            loader=found.loader,
            linked=found.linked,
            exports=found.exports,
            exec_stack=exec_stack_of(passport.libc),
            libraries=found.libraries,
        )

    def _read(self, target: Target, image: ImageRef, path: Path) -> None:
        self._announce(f"{target.key}: finding its libraries")
        found = _NOTHING
        with tempfile.TemporaryDirectory(prefix="survey-") as folder:
            archive = Path(folder, "root.tar")
            self._engine.export_image(image.id, target.arch, archive)
            with contextlib.suppress(ImageError), Rootfs(archive) as root:
                found = find_libraries(root, target.interpreter, target.arch)
        path.write_bytes(_FOUND.dump_json(found))
