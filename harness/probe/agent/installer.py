"""Install with the target's own pip, which is loaded once and forked for every wheel.

What can be imported from a pip tells old from new ones, never its version.
"""

import contextlib
import functools
import gc
import glob
import importlib
import os
import shutil
import sys
import zipfile

from .child import StageLimits, exit_status, run_child, sign, storable
from .container import WORK
from .frames import read_frame, write_frame
from .helper import serve_orders

EXECUTABLE = 0o755
_TAGS = (
    # Where pip makes its list of tags, and several of its modules take it from.
    "pip._internal.utils.compatibility_tags",  # from 20.0 on
    "pip._internal.pep425tags",
    "pip.pep425tags",  # pip 9
)

_NOTHING = {
    "wheelgrid_warm_up/__init__.py": "",
    "wheelgrid_warm_up/nothing.so": "nothing" * 999,
    "wheelgrid_warm_up-1.data/scripts/wheelgrid-warmed-up": "#!python\n",
    "wheelgrid_warm_up-1.dist-info/METADATA": "Metadata-Version: 2.1\n"
    "Name: wheelgrid-warm-up\nVersion: 1\nRequires-Python: >=3\n",
    "wheelgrid_warm_up-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: wheelgrid\n"
    "Root-Is-Purelib: false\nTag: py3-none-any\n",
    "wheelgrid_warm_up-1.dist-info/entry_points.txt": "[console_scripts]\n"
    "wheelgrid-warm-up = wheelgrid_warm_up:nothing\n",
}
_RECORD = "wheelgrid_warm_up-1.dist-info/RECORD"


def serve_installer(stream):
    """Be the helper that has pip loaded: report its tags, then install in a fork per order.

    It imports pip for the first order, and the rest of pip for the first wheel.
    """
    read_frame(stream)
    # A fork that collects garbage walks all of pip, and copies the memory that it is in.
    gc.disable()
    try:
        makers = _remember()
        import pip

        facts = {"installer": "pip " + pip.__version__, "tags": _tags()}
    except BaseException as error:
        write_frame(stream, {"failed": storable("%s: %s" % (type(error).__name__, error))})
        raise
    write_frame(stream, facts)

    def run(order):
        def body(tokens):
            for maker in makers:
                maker.take(order["tags"])
            status = int(_install(order["wheels"], order["site"]) or 0)
            if not status:
                add_libraries(order["wheels"], order["site"])
            sign(tokens.pop(), {"status": status})

        return run_child(body, StageLimits(*order["limits"]), order["folder"])

    serve_orders(stream, run, _warm_up)


def _install(wheels, site):
    # Rendering pip's progress takes a tenth of its time.
    return _main()(["--quiet"] + arguments(wheels, site))


def _warm_up():
    """Install an empty wheel, so that forks need not import again, nor QEMU translate again.

    It has one part of every kind that wheels have, since pip treats each differently. From 26.2
    on pip watches a process's imports from its first install: that is left to the forks.
    """
    folder = os.path.join(WORK, "warm-up")
    os.makedirs(folder)
    wheel = os.path.join(folder, "wheelgrid_warm_up-1-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(_NOTHING):
            archive.writestr(name, _NOTHING[name])
        lines = ["%s,sha256=%043d,%d" % (name, 0, len(_NOTHING[name])) for name in sorted(_NOTHING)]
        archive.writestr(_RECORD, "\n".join(lines + [_RECORD + ",,\n"]))
    _forget_certificates()
    _forget_user_agent()
    with _unwatched_imports():
        _install([wheel], site_of(folder))
    # pip 10 to 19.3 leaves it set, and the next install looks in a folder that is gone.
    os.environ.pop("PIP_REQ_TRACKER", None)
    shutil.rmtree(folder)


class _Tags:
    """pip's function that makes its list of tags, called once: half of a small install's time."""

    def __init__(self, make):
        self._make = functools.lru_cache(maxsize=None)(make)
        self._taken = []

    def __call__(self, *args, **kwargs):
        return self._taken or self._make(*args, **kwargs)

    def take(self, tags):
        """Have pip accept these, in this order: those of the same pip on another machine."""
        kind = type(self._make()[0])
        parts = [tuple(tag.split("-")) for tag in tags]
        self._taken = parts if kind is tuple else [kind(*part) for part in parts]


def _remember():
    """Let the forks inherit the list of tags; return what makes it.

    Call this before pip's other modules are imported, which copy the function.
    """
    makers = []
    for place in _TAGS:
        try:
            module = importlib.import_module(place)
        except ImportError:
            continue
        module.get_supported = _Tags(module.get_supported)
        makers.append(module.get_supported)
    return makers


def _forget_user_agent():
    """Skip the header that identifies pip to an index: none is asked here."""
    try:
        session = importlib.import_module("pip._internal.network.session")
    except ImportError:
        return  # pip before 19.3 has it elsewhere
    session.user_agent = lambda: "pip"


def _forget_certificates():
    """Keep pip from reading the system's certificates: no server is asked."""
    try:
        import ssl
    except ImportError:
        return
    ssl.SSLContext.load_verify_locations = lambda *_, **__: None


@contextlib.contextmanager
def _unwatched_imports():
    try:
        from pip._internal.commands import install
    except ImportError:
        install = None  # pip 9
    watch = getattr(install, "_prevent_further_imports", None)
    if watch is None:
        yield
        return
    install._prevent_further_imports = lambda: None
    try:
        yield
    finally:
        install._prevent_further_imports = watch


def arguments(wheels, site):
    """Return pip's arguments: install just these files, from nowhere else."""
    words = "install --no-deps --no-index --no-compile --no-cache-dir --no-color"
    words += " --disable-pip-version-check --no-warn-script-location --progress-bar off"
    return words.split() + ["--target", site] + wheels


def install_afresh(wheels, site, folder, limits):
    """Install with a new interpreter, the slow way."""

    def body(tokens):
        command = [sys.executable, "-I", "-B", "-m", "pip"] + arguments(wheels, site)
        pid = os.fork()
        if pid == 0:
            os.execv(sys.executable, command)
        status = exit_status(os.waitpid(pid, 0)[1])
        if status < 0:
            os.kill(os.getpid(), -status)  # the report names the signal and the limit
        if not status:
            add_libraries(wheels, site)
        sign(tokens.pop(), {"status": status})

    return run_child(body, limits, folder)


def site_of(folder):
    """Return the site directory of an environment: as deep in it as in a real one."""
    return os.path.join(folder, "lib", "python3", "site-packages")


def library_folder(site):
    """Return the environment's ``lib``, in which the site directory is."""
    return os.path.dirname(os.path.dirname(site))


def add_libraries(wheels, site):
    """Put what wheels have for the environment's ``lib`` there.

    `pip install --target` leaves it out (``InstallCommand._handle_target_dir``).
    """
    lib = library_folder(site)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                path = os.path.normpath(os.path.join(lib, _below_lib(info.filename)))
                if path.startswith(os.path.join(lib, "")) and not info.filename.endswith("/"):
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with archive.open(info) as member, open(path, "wb") as stream:
                        shutil.copyfileobj(member, stream, 1 << 20)
                    if info.external_attr >> 16 & 0o111:
                        os.chmod(path, EXECUTABLE)


def _below_lib(member):
    """Return a member's path in the environment's ``lib``; empty if it lies elsewhere."""
    root, _, below = member.partition("/data/lib/")
    return below if root.endswith(".data") and "/" not in root else ""


def pack(site, path):
    """Write a zip of what is installed to ``path``, stored, with modes and paths from ``site``."""
    with zipfile.ZipFile(path, "w") as archive:
        for root, folders, names in os.walk(library_folder(site)):
            folders.sort()
            for name in sorted(names):
                file = os.path.join(root, name)
                info = zipfile.ZipInfo(os.path.relpath(file, site))
                info.external_attr = os.stat(file).st_mode << 16
                info.file_size = os.path.getsize(file)
                with open(file, "rb") as stream, archive.open(info, "w") as member:
                    shutil.copyfileobj(stream, member, 1 << 20)


def unpack(wheels, site, folder, limits):
    """Put the wheels' files where pip would (PEP 427), without pip."""

    def body(tokens):
        for wheel in wheels:
            _extract(wheel, site)
        add_libraries(wheels, site)
        for scheme in glob.glob(os.path.join(glob.escape(site), "*.data", "*")):
            if os.path.basename(scheme) == "scripts":
                _move(scheme, os.path.join(site, "bin"), EXECUTABLE)
            elif os.path.basename(scheme) != "headers":
                _move(scheme, site)
        sign(tokens.pop(), {"status": 0})

    return run_child(body, limits, folder)


def _extract(wheel, site):
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if not _below_lib(info.filename):
                path = archive.extract(info, site)
                if info.external_attr >> 16 & 0o111 and os.path.isfile(path):
                    os.chmod(path, EXECUTABLE)


def _move(folder, place, mode=None):
    """Move the files under ``folder`` to the same paths under ``place``."""
    for root, _, names in os.walk(folder):
        below = os.path.normpath(os.path.join(place, os.path.relpath(root, folder)))
        os.makedirs(below, exist_ok=True)
        for name in names:
            if mode:
                os.chmod(os.path.join(root, name), mode)
            os.replace(os.path.join(root, name), os.path.join(below, name))


def measure(wheels, folder, limits):
    """Return a ``Result`` that says 1 if an install of the wheels fills the disk, else 0."""

    def body(tokens):
        sign(tokens.pop(), {"status": int(_fills_disk(wheels))})

    return run_child(body, limits, folder)


def _fills_disk(wheels):
    """Count what the members hold, which need not be what the archive says.

    Twice, since pip before 20.2 unpacks a wheel and then copies its files.
    """
    disk = os.statvfs(WORK)
    room = disk.f_blocks * disk.f_frsize
    for wheel in wheels:
        room -= os.path.getsize(wheel)
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                room -= 2 * disk.f_frsize
                with archive.open(member) as stream:
                    for chunk in iter(lambda: stream.read(1 << 20), b""):
                        room -= 2 * len(chunk)
                        if room < 0:
                            return True
    return room < 0


def _main():
    # Its place from 20.0 on, in 19.3, from 10 to 19.2.
    for place in ("pip._internal.cli.main", "pip._internal.main", "pip._internal"):
        try:
            return importlib.import_module(place).main
        except ImportError:
            continue
    from pip import main  # pip 9

    return main


def _tags():
    try:
        from pip._internal.utils.compatibility_tags import get_supported
    except ImportError:
        try:
            from pip._internal.pep425tags import get_supported  # pip before 20.0
        except ImportError:
            from pip.pep425tags import get_supported
    return ["-".join(tag) if isinstance(tag, tuple) else str(tag) for tag in get_supported()]
