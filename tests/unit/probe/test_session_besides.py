"""What a session tries besides a wheel's own import: submodules, libraries, commands, programs."""

from pathlib import Path

from harness.core.cells import Outcome, Stage
from harness.core.observations import AttemptMode
from harness.predict.late_plan import LatePlan
from harness.probe.session import Session
from tests.support.elves import compiled, program
from tests.support.local_prober import HERE
from tests.support.wheels import job_for, make_wheel

SUBMODULES = {
    "pack/good.py": "import pack; pack.imported = True",
    "pack/needs.py": "import nowhere",
    "pack/wraps.py": """
try: import nowhere
except ImportError as error: raise ImportError('no') from error
""",
    "pack/leaves.py": "raise SystemExit(0)",
    "pack/dies.py": "import os; os.kill(os.getpid(), 11)",
}


def test_submodules_are_imported(session: Session, tmp_path: Path, mode: AttemptMode) -> None:
    """A failure of one is reported beside the outcome, and the call is evaluated after all."""
    names = ("needs", "wraps", "leaves", "gone", "good")
    wheel = make_wheel(tmp_path, "package", "import pack", files=SUBMODULES)
    submodules = tuple(f"pack.{name}" for name in names)
    call = "package.pack.imported"
    result = session.probe(job_for(wheel, call=call, submodules=submodules), mode)
    assert (result.outcome, result.tried) == (Outcome.PASS, 5)
    assert result.failures == (
        ("pack.needs", "ModuleNotFoundError: No module named 'nowhere'"),
        ("pack.wraps", "ImportError: no (from ModuleNotFoundError: No module named 'nowhere')"),
        ("pack.leaves", "SystemExit: 0"),
        ("pack.gone", "ModuleNotFoundError: No module named 'pack.gone'"),
    )


def test_what_a_wheel_has_besides_is_tried(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """Libraries are opened, commands looked up, programs started, in every mode."""
    lacking = compiled("int x(void); int y(void) { return x(); }", tmp_path, machine=HERE.name)
    tool = program("int main(void) { return 3; }", tmp_path / "tool", machine=HERE.name)
    script = b"#!/of/nobody\n"
    files = {
        "besides_lib/bad.so": lacking,
        "besides-1.0.data/scripts/tool": tool.read_bytes(),
        "besides-1.0.data/scripts/script": script,
        "besides-1.0.data/data/share/bad.so": lacking,
    }
    wheel = make_wheel(tmp_path, "besides", "def main(): raise SystemExit(9)", files=files)
    plan = LatePlan(
        libraries=("besides_lib/bad.so", "share/bad.so", "gone.so"),
        entries=("besides:main", "besides:gone"),
        programs=("bin/tool", "bin/script"),
    )
    result = session.probe(job_for(wheel, late=plan), mode)
    assert (result.outcome, result.stage, result.late_untried) == (Outcome.PASS, Stage.CALL, 0)
    assert [place for place, _ in result.loads] == ["besides_lib/bad.so", "share/bad.so"]
    assert all("undefined symbol: x" in text for _, text in result.loads)
    assert result.entries == (
        ("besides:gone", "AttributeError: module 'besides' has no attribute 'gone'"),
    )
    assert result.starts == (
        ("bin/script", "cannot be executed: [Errno 2] No such file or directory"),
    )


def test_libraries_of_a_failed_import_are_opened(session: Session, tmp_path: Path) -> None:
    """Their errors may say why; its call and its programs are not tried."""
    lacking = compiled("int x(void); int y(void) { return x(); }", tmp_path, machine=HERE.name)
    wheel = make_wheel(
        tmp_path, "wrapper", "raise ValueError('not found')", files={"wrapper_lib/bad.so": lacking}
    )
    plan = LatePlan(libraries=("wrapper_lib/bad.so",), entries=("x:y",), programs=("bin/x",))
    result = session.probe(job_for(wheel, late=plan))
    assert (result.outcome, result.stage) == (Outcome.IMPORT_FAILED, Stage.IMPORT)
    assert result.evidence == "ValueError: not found"
    assert [place for place, _ in result.loads] == ["wrapper_lib/bad.so"]
    assert (result.entries, result.starts) == ((), ())


def test_program_that_kills_all_it_can(session: Session, tmp_path: Path) -> None:
    """It has started; the report on the import stays."""
    code = "#include <signal.h>\n#include <unistd.h>\n"
    code += "int main(void) { return kill(getppid(), SIGKILL); }"
    tool = program(code, tmp_path / "killer", machine=HERE.name)
    files = {"deadly-1.0.data/scripts/killer": tool.read_bytes()}
    wheel = make_wheel(tmp_path, "deadly", "", files=files)
    result = session.probe(job_for(wheel, late=LatePlan(programs=("bin/killer",))))
    assert result.outcome is Outcome.PASS
    words = "limited: it ended or stopped what started it: killed by SIGKILL"
    assert result.starts == (("bin/killer", words),)


def test_module_that_its_package_loads_by_another_name(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """As cv2 does with cv2.cv2: that its file is not loaded twice is no failure."""
    loads = (
        "import importlib.machinery as machinery, sys\n"
        "loader = machinery.SourceFileLoader('hidden', __path__[0] + '/inner.py')\n"
        "held = type(sys)('hidden'); held.__file__ = loader.path; loader.exec_module(held)\n"
    )
    files = {"pack/__init__.py": loads, "pack/inner.py": "assert __name__ == 'hidden'",
             "pack/other.py": "assert __name__ == 'hidden'"}  # fmt: skip
    wheel = make_wheel(tmp_path, "package", "import pack", files=files)
    result = session.probe(job_for(wheel, submodules=("pack.inner", "pack.other")), mode)
    assert (result.outcome, result.tried) == (Outcome.PASS, 2)
    assert result.failures == (("pack.other", "AssertionError: "),)


def test_crash_names_the_submodule(session: Session, tmp_path: Path, mode: AttemptMode) -> None:
    wheel = make_wheel(tmp_path, "package", "import pack", files=SUBMODULES)
    result = session.probe(job_for(wheel, submodules=("pack.good", "pack.dies")), mode)
    assert (result.outcome, result.stage) == (Outcome.CRASHED, Stage.IMPORT)
    assert result.evidence == "killed by SIGSEGV while importing pack.dies"


def test_submodules_have_half_of_the_time(session: Session, tmp_path: Path) -> None:
    """What is left is counted, and the cell goes on."""
    slow = {f"pack/m{n}.py": "import time; time.sleep(.6)" for n in range(4)}
    wheel = make_wheel(tmp_path, "package", "import pack", files=slow)
    names = tuple(f"pack.m{n}" for n in range(4))
    result = session.probe(job_for(wheel, submodules=names, timeout=2))
    assert result.outcome is Outcome.PASS
    assert result.tried in (1, 2)


def test_failures_that_would_fill_a_report(session: Session, tmp_path: Path) -> None:
    """Their text is cut, and the report stays whole."""
    files = {f"pack/m{n}.py": "raise ImportError('\\u1234' * 9999)" for n in range(120)}
    wheel = make_wheel(tmp_path, "package", "import pack", files=files)
    names = tuple(f"pack.m{n}" for n in range(120))
    result = session.probe(job_for(wheel, submodules=names))
    assert (result.outcome, result.tried) == (Outcome.PASS, 120)
    assert 5 < len(result.failures) < 120
    assert {len(text) for _, text in result.failures} == {300}
