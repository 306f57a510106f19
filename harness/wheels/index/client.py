"""List a project's files on a package index and download them.

The index is the one in the user's pip configuration (``pip config list``, which includes the
environment), or pypi-simple's default.
"""

import ast
import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    DistributionPackage,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedContentTypeError,
    UnsupportedRepoVersionError,
)
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import HTTPError, MaxRetryError

from harness.core.errors import PackageIndexError, UnknownProjectError
from harness.host.download import TRIES, Downloader, DownloadError, Progress, read_body, within
from harness.host.offline import WHY, is_offline
from harness.host.process import ProcessError, run_process

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two chunks of a response."""
LONGEST_PAUSE = 20.0
"""Seconds; some servers ask for hours."""
DEADLINE = 120.0
"""Seconds for a page, a range or a metadata file, with all tries and pauses."""
MOST_PAGE = 32 << 20
"""Bytes of a project's page."""
LARGEST = 8 << 30
"""Bytes of a wheel."""


class _RetryAfter(Retry):
    """Waits as long as the server asks for, up to ``LONGEST_PAUSE``."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_PAUSE)


PATIENCE = _RetryAfter(
    total=4, backoff_factor=0.5, backoff_jitter=0.5, status_forcelist=(429, 500, 502, 503, 504)
)
"""Waits 0, 1, 2 and 4 s, plus jitter."""
_UNCUT = Retrying(
    retry=retry_if_exception_type(requests.exceptions.ChunkedEncodingError),
    stop=stop_after_attempt(TRIES),
    wait=wait_random(0, 0.3),
    reraise=True,
)
T = TypeVar("T")
_NO_ANSWER = (requests.RequestException, MaxRetryError)
_NO_INDEX = (UnsupportedContentTypeError, UnsupportedRepoVersionError)
MOST_METADATA = 8 << 20
"""Bytes of a metadata file."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_PIP_SECTIONS = ("global", "download", ":env:")


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSettings:
    """The address of an index and the certificates that it is trusted by."""

    endpoint: str = PYPI_SIMPLE_ENDPOINT
    certificates: str = ""
    """A bundle of CA certificates; empty for that of requests."""

    @property
    def host(self) -> str:
        """Host name for messages; the URL may contain a password."""
        return urlsplit(self.endpoint).hostname or self.endpoint


def pip_settings() -> IndexSettings:
    """Return the settings of the user's pip, or the defaults if pip is missing.

    Environments that pipx or uvx made have none; another pip on the path reads the same files.
    """
    for pip in ((sys.executable, "-m", "pip"), ("pip",)):
        with contextlib.suppress(ProcessError):
            return parse_pip_config(run_process((*pip, "config", "list"), timeout=60).decode())
    return IndexSettings()


def parse_pip_config(text: str) -> IndexSettings:
    """Parse the output of ``pip config list``: lines ``global.index-url='…'``."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        with contextlib.suppress(ValueError, SyntaxError):
            found[key] = str(ast.literal_eval(value))
    return IndexSettings(
        endpoint=_effective(found, "index-url") or PYPI_SIMPLE_ENDPOINT,
        certificates=_effective(found, "cert"),
    )


def _effective(found: Mapping[str, str], key: str) -> str:
    """Return pip's value: from the environment, the download section or the global one."""
    values = [found.get(f"{section}.{key}", "") for section in _PIP_SECTIONS]
    return next(filter(None, reversed(values)), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class ByteRange:
    """A range of a file's bytes."""

    first: int
    """Offset in the file."""
    data: bytes
    size: int
    """Bytes of the whole file."""


class IndexClient:
    """Queries one package index. Its methods raise ``PackageIndexError`` if it does not answer."""

    def __init__(
        self,
        settings: IndexSettings,
        patience: Retry = PATIENCE,
        downloader: Downloader | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._host = settings.host
        self._deadline = deadline
        session = _session(settings)
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=patience))
        self._simple = PyPISimple(settings.endpoint, session=session)
        self._downloader = downloader or Downloader(open_session=partial(_session, settings))

    def files(self, project: str) -> tuple[DistributionPackage, ...]:
        """Return every file of a project."""
        with self._asking(project):
            page = self._ask(lambda: self._simple.get_project_page(project, timeout=TIMEOUT))
            return tuple(page.packages)

    def download(self, file: DistributionPackage, path: Path, progress: Progress) -> None:
        """Download ``file`` to ``path`` without checking its digest."""
        with self._asking(file.filename):
            self._downloader.download(
                (file.url,), path, size=file.size or LARGEST, progress=progress
            )

    def read_range(
        self, file: DistributionPackage, first: int, last: int | None
    ) -> ByteRange | None:
        """Return the bytes ``first`` to ``last`` of a file (RFC 9110, section 14).

        A negative ``first`` counts from the end. None if the index does not support ranges.
        """
        span = f"{first}" if first < 0 else f"{first}-{'' if last is None else last}"
        most = -first if first < 0 else (LARGEST if last is None else last + 1 - first)

        def ask() -> ByteRange | None:
            with self._get(file.url, {"Range": f"bytes={span}"}) as answer:
                answer.raise_for_status()
                found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
                if answer.status_code != requests.codes.partial_content or found is None:
                    return None
                data = read_body(answer, most)
                return ByteRange(first=int(found[1]), data=data, size=int(found[2]))

        with self._asking(file.filename):
            return self._ask(ask)

    def metadata(self, file: DistributionPackage) -> bytes | None:
        """Return the METADATA of a wheel that the index serves beside it (PEP 658), else None.

        It is checked against the index's digest and size-limited; None if it differs.
        """
        wanted = (file.metadata_digests or {}).get("sha256")
        if not file.has_metadata or wanted is None:
            return None

        def ask() -> bytes | None:
            with self._get(file.metadata_url) as answer:
                if answer.status_code == requests.codes.not_found:
                    return None
                answer.raise_for_status()
                with contextlib.suppress(DownloadError):
                    return read_body(answer, MOST_METADATA)
                return None

        with self._asking(file.filename):
            data = self._ask(ask)
        return data if data and hashlib.sha256(data).hexdigest() == wanted else None

    def _ask(self, work: Callable[[], T]) -> T:
        """Return the result of ``work`` before the deadline; repeat it if an answer is cut short.

        ``Retry`` repeats only requests without an answer.
        """
        return within(self._deadline, lambda: _UNCUT(work))

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Return a streamed answer."""
        return self._simple.s.get(url, headers=headers, timeout=TIMEOUT, stream=True)

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        if is_offline():
            raise PackageIndexError(f"{what}: {WHY}")
        try:
            yield
        except NoSuchProjectError as error:
            raise UnknownProjectError(
                f"{what}: the package index {self._host} has no such project; check the name"
            ) from error
        except (*_NO_ANSWER, *_NO_INDEX, DownloadError) as error:
            raise PackageIndexError(
                f"{what}: the package index {self._host} does not answer ({_reason(error)}); "
                "check the network, and the index-url in `pip config list`"
            ) from error


class _BoundedSession(requests.Session):
    """Holds no more than ``MOST_PAGE`` bytes of a body in memory, and none of a redirect."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - requests'
        streamed = options.pop("stream", False)
        answer = super().send(request, stream=True, **options)
        if not streamed:
            answer._content = read_body(answer, MOST_PAGE)  # noqa: SLF001 - as ``content`` does
        return answer

    def get_redirect_target(self, answer: requests.Response) -> str | None:
        target = super().get_redirect_target(answer)
        if target is not None:
            answer._content = b""  # noqa: SLF001 - requests would read all of it
        return target


def _session(settings: IndexSettings) -> requests.Session:
    session = _BoundedSession()
    session.verify = settings.certificates or True
    return session


def _reason(error: Exception) -> str:
    """Return the innermost cause without URLs, which may contain a password."""
    match error:
        case DownloadError():
            return str(error)
        case requests.HTTPError(response=requests.Response() as response):
            return f"HTTP status {response.status_code}"
        case requests.RequestException(args=[HTTPError() as inner, *_]):
            return type(getattr(inner, "reason", None) or inner).__name__
        case _:
            return type(error).__name__
