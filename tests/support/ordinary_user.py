"""A user who is not root but in the engine's group, with home, checkout and cache.

For root a user is made with a separate virtual environment, because other users may not be able
to read root's interpreter and checkout. Any other user runs the tests as themselves.
"""

import grp
import os
import pwd
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.host.process import run_process
from harness.images.cpython.toolchain import zig_version
from tests.support.commands import ROOT, Ended, run_to_end

SOCKET = Path("/var/run/docker.sock")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHECKOUT = (
    *("harness", "fixtures", "matrix"),
    *("pyproject.toml", "README.md", "LICENSE"),
)
"""Parts of the checkout that run the harness in place."""
KEPT = ("DOCKER_", "LANG", "LC_", "PIP_", "SSL_", "http", "https", "no_proxy", "HTTP", "NO_PROXY")
"""Prefixes of variables that the user inherits: engine, language, network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrdinaryUser:
    """A user that runs commands."""

    home: Path
    python: Path
    checkout: Path
    engine_group: int
    name: str = ""
    """Empty for the current user."""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def cache(self) -> Path:
        """The user's own cache."""
        return self.home / "cache"

    def run(self, *words: object, timeout: float = 300) -> Ended:
        """Run any command as the user, in their checkout."""
        who = {"user": self.name, "group": self.name, "extra_groups": [self.engine_group]}
        return run_to_end(
            words,
            cwd=self.checkout,
            env={**self.env, "HOME": str(self.home), "WHEELGRID_CACHE": str(self.cache)},
            timeout=timeout,
            **(who if self.name else {}),
        )

    def wheelgrid(self, *words: object) -> Ended:
        """Run one command line of ``wheelgrid``."""
        return self.run(self.python, "-m", "harness", *words)

    def give(self, paths: Iterable[Path], below: Path) -> None:
        """Copy ``paths``, which are below ``below``, into the user's cache."""
        for path in paths:
            copy = self.cache / path.relative_to(below)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy, symlinks=True)
            else:
                shutil.copy2(path, copy)
        self.own(self.cache)

    def own(self, path: Path) -> None:
        """Give everything at ``path`` to the user."""
        if self.name:
            _as_root("chown", "-Rh", f"{self.name}:", str(path))


@contextmanager
def ordinary_user(folder: Path) -> Iterator[OrdinaryUser]:
    """Yield a user who is not root; one that had to be made is removed afterwards.

    ``folder`` becomes the home where nobody has to be made.
    """
    group = SOCKET.stat().st_gid
    if os.geteuid() != 0:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "XDG_"))}
        yield OrdinaryUser(
            home=folder, python=Path(sys.executable), checkout=ROOT, engine_group=group, env=env
        )
        return
    name = f"wheelgrid{os.getpid()}"
    groups = ["--groups", grp.getgrgid(group).gr_name]
    _as_root("useradd", "--create-home", "--user-group", *groups, name)
    try:
        yield _equipped(name, group)
    finally:
        _as_root("userdel", "--force", "--remove", name)


def _as_root(*words: str) -> None:
    run_process(words, timeout=300, merge=True)


def _equipped(name: str, group: int) -> OrdinaryUser:
    home = Path(pwd.getpwnam(name).pw_dir)
    python, checkout = home / "venv/bin/python", home / "wheelgrid"
    env = {k: v for k, v in os.environ.items() if k.startswith(KEPT)}
    env |= {"PATH": PATH, "USER": name, "LOGNAME": name, "COLUMNS": "160"}
    user = OrdinaryUser(
        home=home, python=python, checkout=checkout, engine_group=group, name=name, env=env
    )
    checkout.mkdir()
    for part in CHECKOUT:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, checkout / part)
    user.own(checkout)
    pip = (python, "-m", "pip", "install", "-q")
    for words in (
        (_readable_python(user), "-m", "venv", home / "venv"),
        # The same compiler, or what it compiled for root has other names in the cache.
        (*pip, f"ziglang=={zig_version()}", "-e", f"{checkout}[build]"),
    ):
        ended = user.run(*words)
        assert ended.status == 0, ended.said
    return user


def _readable_python(user: OrdinaryUser) -> Path:
    """Return the interpreter of the tests, or the distribution's where the user cannot run that."""
    supported = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
    pythons = [Path(sys.executable).resolve(), Path("/usr/bin/python3")]
    for python in pythons:
        try:
            if user.run(python, "-c", supported).status == 0:
                return python
        except PermissionError:
            continue
    raise AssertionError(f"an ordinary user runs none of {pythons}, with ensurepip, from 3.11 on")
