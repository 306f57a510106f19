"""Certificates of a throwaway authority, as ``DOCKER_CERT_PATH`` has them."""

import shutil
import subprocess
from pathlib import Path


def make_certificates(folder: Path) -> Path:
    """Write ``ca.pem``, ``cert.pem`` and ``key.pem`` into ``folder``, and return it.

    They serve an engine on loopback, and a client of it.
    """
    folder.mkdir(parents=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    authority = ("-x509", "-subj", f"/CN=authority of {folder.name}")
    _openssl("req", *authority, *key, "-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem")
    _openssl("req", *key[:5], "-subj", "/CN=engine", "-keyout", folder / "key.pem",
             "-out", folder / "asked.pem")  # fmt: skip
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    _openssl("x509", "-req", "-days", "2", "-in", folder / "asked.pem", "-extfile", names,
             "-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem", "-CAcreateserial",
             "-out", folder / "cert.pem")  # fmt: skip
    return folder


def _openssl(*words: object) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "no openssl on this machine"
    subprocess.run([openssl, *map(str, words)], check=True, capture_output=True)
