"""Answer the host's frames: a passport when it says hello, a verdict for every cell."""

import os
import sys
import time

from .child import Limits
from .container import WORK, ignore_signals, kill_strangers, seal, sweep
from .frames import read_frame, write_frame
from .importer import import_afresh, import_and_call
from .installer import Installer, install_afresh, unpack
from .judgement import installed, judge_import, judge_install
from .passport import read_passport


def main():
    """Serve until the host is gone."""
    ignore_signals()
    # The protocol keeps the real standard output; nothing else may write to it.
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        Agent(sys.stdin.buffer, stdout).serve()
    except (EOFError, BrokenPipeError):
        pass  # the host is gone, and with it the need for this container


class Agent:
    """One session's state: the streams to the host and the installer."""

    def __init__(self, stdin, stdout):
        self.stdin = stdin
        self.stdout = stdout
        self.installer = Installer()

    def serve(self):
        while True:
            frame = read_frame(self.stdin)
            answers = {"hello": self.hello, "probe": self.probe}
            write_frame(self.stdout, answers[frame["op"]](frame))

    def hello(self, frame):
        sealed = seal(False)
        if not frame["warm"]:
            return dict(read_passport(), sealed=sealed, installer="", tags=[])
        self.installer.start()
        facts = dict(read_passport(), sealed=sealed)
        facts.update(self.installer.ready())
        return facts

    def probe(self, job):
        start = time.time()
        folder = os.path.join(WORK, "cell")
        os.makedirs(os.path.join(folder, "home"))
        wheels = []
        for name, blob in zip(job["wheels"], job["blobs"]):
            wheels.append(os.path.join(folder, name))
            with open(wheels[-1], "wb") as stream:
                stream.write(blob)
        verdict = self.verdict(job, folder, wheels)
        verdict["clean"] = kill_strangers({1, os.getpid(), self.installer.pid}) and sweep()
        verdict["seconds"] = round(time.time() - start, 3)
        return verdict

    def verdict(self, job, folder, wheels):
        limits = Limits(job["timeout"], job["quiet"])
        site = os.path.join(folder, "site")
        install = {"session": self.install, "unpacked": unpack, "fresh": install_afresh}[job["way"]]
        for whose, files in (("companion", wheels[:-1]), ("subject", wheels[-1:])):
            result = install(files, site, folder, limits) if files else None
            if files and not installed(result):
                return judge_install(result, whose)
        run = import_and_call if job["way"] == "session" else import_afresh
        return judge_import(run(site, job["imports"], job["call"], limits, folder))

    def install(self, wheels, site, folder, limits):
        """Install; when a cell before this one killed the installer, with a new one."""
        result = self.installer.install(wheels, site, folder, limits)
        if result is None:
            result = self.installer.install(wheels, site, folder, limits)
        return result
