"""The target's own pip: loaded once, forked for every wheel.

Old and new pips are told apart by what can be imported from them, never by their version.
"""

import contextlib
import functools
import gc
import glob
import importlib
import io
import os
import select
import shutil
import socket
import sys
import zipfile

from . import child
from .child import Limits, Result, exit_status, run_child
from .container import WORK, kill_session
from .frames import read_frame, write_frame

_TAGS = (
    # Where pip makes its list of tags, and several of its modules take it from.
    "pip._internal.utils.compatibility_tags",  # from 20.0 on
    "pip._internal.pep425tags",
    "pip.pep425tags",  # pip 9
)
LINK = 3  # the installer's descriptor to the agent

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


class Installer:
    """The agent's end of the process that has pip loaded; it is started when first needed.

    It tells the tags that pip accepts at once, and loads the rest of pip for its first order.
    """

    def __init__(self):
        self.pid = 0
        self.link = None
        self.stream = None
        self.facts = {}

    def start(self):
        """Fork the process; it asks pip for its tags while the caller goes on."""
        self.link, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            _become_installer(theirs)
        theirs.close()
        self.stream = self.link.makefile("rwb")

    def ready(self):
        """Wait until pip has told them; return its name and version and the tags it accepts."""
        if self.link is None:
            self.start()
        if not self.facts:
            self.facts = self._answer()
        return self.facts

    def install(self, wheels, site, folder, limits, tags=()):
        """Install wheel files into ``site``; None when the process was killed meanwhile.

        ``tags`` are those that pip shall accept, where they are not its own.
        """
        order = {"wheels": wheels, "site": site, "folder": folder, "limits": limits, "tags": tags}
        try:
            self.ready()
            write_frame(self.stream, order)
            answer = self._answer()
            return Result(**{name: answer[name] for name in Result._fields})
        except (EOFError, OSError, ValueError):
            self.stop()
            return None

    def stop(self):
        """Kill the process; the next use starts another."""
        if self.pid:
            kill_session(self.pid)
            try:
                os.waitpid(self.pid, 0)
            except OSError:
                pass  # the agent has reaped it already
        if self.link is not None:
            self.stream.close()
            self.link.close()
        self.__init__()

    def _answer(self):
        select.select([self.link] + child.HOST, [], [])
        if select.select(child.HOST, [], [], 0)[0]:
            raise SystemExit  # the host is gone
        return read_frame(self.stream)


def _become_installer(link):
    """Be the process with pip; never returns."""
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.dup2(link.detach(), LINK)
        os.closerange(LINK + 1, child.MANY)  # the host's streams are none of its business
        del child.HOST[:]
        _serve(socket.socket(fileno=LINK).makefile("rwb"))
        status = 0
    except EOFError:
        status = 0  # the agent is gone
    finally:
        os._exit(status)


def _serve(stream):
    # A fork that collects garbage walks all of pip, and copies the memory that it is in.
    gc.disable()
    try:
        makers = _remember()
        import pip

        facts = {"installer": "pip " + pip.__version__, "tags": _tags()}
    except BaseException as error:
        write_frame(stream, {"failed": "%s: %s" % (type(error).__name__, error)})
        raise
    write_frame(stream, facts)
    warm = False
    while True:
        order = read_frame(stream)
        if not warm:
            _warm_up()
            warm = True

        def body(reports, order=order):
            for maker in makers:
                maker.take(order["tags"])
            status = _install(order["wheels"], order["site"])
            reports({"status": int(status or 0), "done": True})

        result = run_child(body, Limits(*order["limits"]), order["folder"])
        write_frame(stream, dict(result._asdict()))


def _install(wheels, site):
    # What pip says while all goes well takes a tenth of its time to render.
    return _main()(["--quiet"] + arguments(wheels, site))


def _warm_up():
    """Install a wheel of nothing, so that forks need not import again, nor QEMU translate again.

    It has a part of every kind that wheels have, for each is another way through pip.

    From 26.2 on pip watches a process's imports from its first install on: that is left to
    the forks, where the first install is the one that counts.
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
        _install([wheel], os.path.join(folder, "site"))
    # pip 10 to 19.3 leaves it behind, and the next install looks in a folder that is gone.
    os.environ.pop("PIP_REQ_TRACKER", None)
    shutil.rmtree(folder)


class _Tags:
    """pip's maker of its list of tags, which makes it once: half of a small install's work."""

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
    """Let the forks inherit the list of tags; return its makers.

    To be called before pip's other modules are imported, which keep what they find by its name.
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
    """Make nothing of the header that tells an index who asks: none is asked here."""
    try:
        session = importlib.import_module("pip._internal.network.session")
    except ImportError:
        return  # pip before 19.3 asks for it elsewhere
    session.user_agent = lambda: "pip"


def _forget_certificates():
    """Keep pip from reading the system's certificates, at import or each time: none are asked."""
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

    def body(reports):
        command = [sys.executable, "-I", "-B", "-m", "pip"] + arguments(wheels, site)
        pid = os.fork()
        if pid == 0:
            os.execv(sys.executable, command)
        reports({"status": exit_status(os.waitpid(pid, 0)[1]), "done": True})

    return run_child(body, limits, folder)


def pack(site):
    """Return a zip of the files under ``site``, stored as they are, with their modes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for root, folders, names in os.walk(site):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(root, name)
                info = zipfile.ZipInfo(os.path.relpath(path, site))
                info.external_attr = os.stat(path).st_mode << 16
                with open(path, "rb") as stream:
                    archive.writestr(info, stream.read())
    return packed.getvalue()


def unpack(wheels, site, folder, limits):
    """Put the wheels' files where pip would (PEP 427), by other means than pip's."""

    def body(reports):
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site)
        for scheme in glob.glob(os.path.join(glob.escape(site), "*.data", "*lib")):
            for name in os.listdir(scheme):
                os.rename(os.path.join(scheme, name), os.path.join(site, name))
        reports({"status": 0, "done": True})

    return run_child(body, limits, folder)


def _main():
    # Where pip has kept it: from 20.0 on, in 19.3, from 10 to 19.2.
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
