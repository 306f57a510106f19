"""A Slurm cluster of several nodes on this host, as root, from Debian's packages."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.commands import free_port, wait_until

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel")
SECONDS = 60

_CONFIG = """\
ClusterName=wheelgrid
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
JobRequeue=1
ReturnToService=2
KillWait=5
MailProg=/bin/true
{nodes}
PartitionName=all Nodes=ALL Default=YES State=UP
"""


class Slurm:
    """Its commands."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *words: object, cwd: Path = Path("/"), path: str = "") -> str:
        """Run a command of Slurm and return what it prints; fail if it fails."""
        environment = {**self._environment, "PATH": f"{path}:{os.environ['PATH']}"}
        done = subprocess.run(
            [str(word) for word in words],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def states(self, job: str) -> dict[str, str]:
        """Return the state of each task of an array by its number."""
        said = self.run("squeue", "--array", "--noheader", "--states=all", "-j", job, "-o", "%K %T")
        return dict(line.split() for line in said.splitlines())


@contextlib.contextmanager
def slurm_cluster(folder: Path, nodes: int) -> Iterator[Slurm]:
    """Run munged, slurmctld and ``nodes`` slurmd, killed at the end."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    assert not missing, f"{missing} are not installed: `wheelgrid doctor --fix --tests`"
    for name in ("state", *(f"spool-n{number}" for number in range(nodes))):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname()
    rows = [
        f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1"
        for number in range(nodes)
    ]
    config = _CONFIG.format(host=host, port=free_port(), folder=folder, nodes="\n".join(rows))
    (folder / "slurm.conf").write_text(config)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    slurm = Slurm(folder)
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    with contextlib.ExitStack() as stack:
        socket_file = folder / "munge.socket"
        _start(stack, folder, ["munged", "-F", "--force", *munge, f"--socket={socket_file}"])
        wait_until(socket_file.exists, seconds=SECONDS)
        _start(stack, folder, ["slurmctld", "-D"])
        for number in range(nodes):
            _start(stack, folder, ["slurmd", "-D", "-N", f"n{number}"])
        wait_until(lambda: _idle(slurm) == nodes, seconds=SECONDS)
        yield slurm


def _idle(slurm: Slurm) -> int:
    with contextlib.suppress(AssertionError):
        return slurm.run("sinfo", "--noheader", "-N", "-o", "%T").split().count("idle")
    return 0


def _start(stack: contextlib.ExitStack, folder: Path, words: Sequence[str]) -> None:
    log = stack.enter_context((folder / f"{words[0]}-{words[-1]}.out".replace("/", "_")).open("w"))
    process = subprocess.Popen(
        words,
        env={**os.environ, "SLURM_CONF": str(folder / "slurm.conf")},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(end)
