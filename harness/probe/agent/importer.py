"""Import the modules of an installed wheel and evaluate its call, in a separate process."""

import importlib
import importlib.util
import json
import os
import site
import sys
import time

from .child import MODULE_LIMIT, begin_import, begin_stage, run_child, sign, storable
from .illegal import report_illegal
from .late import limited, open_libraries, resolve_entries

NEEDED = (
    "container",
    "child",
    "illegal",
    "late",
    "importer",
)  # the modules a new interpreter needs
# Names of the archives that may come with a cell: its installed files, its companions' files, and
# bytecode, each made elsewhere.
SITE = "site.zip"
BESIDE = "beside.zip"
BYTECODE = "bytecode.zip"
CHAIN = 3  # errors of which each was raised from the next
FAILURE_LIMIT = 300  # characters of what a submodule's import raises
FAILURES_LIMIT = 24 << 10  # characters of JSON of all of them


def import_traced(cell, limits, folder):
    """Import and call as ``import_and_call``; report an instruction that the CPU lacks."""
    return import_and_call(cell, limits, folder, prepare=report_illegal)


def import_and_call(cell, limits, folder, *, prepare=None):
    """Import and call in a fork of this clean interpreter.

    ``cell``: the site directory, imports, submodules, the call, and what is tried after it.
    """

    def body(tokens):
        for archive in (SITE, BESIDE):
            put_files(os.path.join(folder, archive), cell[0], os.makedirs)
        # Bytecode goes only into folders that exist: a new one would be a package.
        put_files(os.path.join(folder, BYTECODE), cell[0], os.mkdir)
        begin_stage("import")
        if prepare:
            prepare()
        sign(tokens.pop(), _try(*cell, limits.timeout))

    return run_child(body, limits, folder)


def import_afresh(cell, limits, folder):
    """Import and call in a new interpreter."""
    payload = os.path.join(folder, "agent.json")
    order = os.path.join(folder, "order.json")
    with open(payload, "w") as stream:
        stream.write(sys.modules[__package__].payload)
    code = (
        "import json; p = open(%r).read(); exec(json.loads(p)['loader']);"
        " load(p, %r).importer.be_fresh(%r)" % (payload, NEEDED, order)
    )

    def body(tokens):
        with open(order, "w") as stream:
            json.dump([tokens, cell, limits.timeout], stream)
        os.execv(sys.executable, [sys.executable, "-I", "-B", "-c", code])

    return run_child(body, limits, folder)


def be_fresh(order):
    """Be the new interpreter that ``import_afresh`` started; never returns."""
    with open(order) as stream:
        tokens, cell, timeout = json.load(stream)
    os.unlink(order)  # before the cell's code could read the token
    begin_stage("import")
    sign(tokens.pop(), _try(*cell, timeout))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def put_files(archive, folder_site, make_folder):
    """Add an archive's files, if it exists, to what the subject's installation wrote."""
    if not os.path.exists(archive):
        return
    import zipfile

    with zipfile.ZipFile(archive) as files:
        for info in files.infolist():
            path = os.path.normpath(os.path.join(folder_site, info.filename))
            try:
                if not os.path.isdir(os.path.dirname(path)):
                    make_folder(os.path.dirname(path))
                with open(path, "xb") as stream:
                    stream.write(files.read(info))
            except (FileExistsError, FileNotFoundError):
                continue  # it exists already, or its source does not
            mode = info.external_attr >> 16 & 0o777
            if mode & 0o100:
                os.chmod(path, mode)


def _try(folder_site, imports, submodules, call, late, timeout):
    """Return a report: whether all imports, and then the call, hold.

    Failures of ``submodules`` are reported and end nothing. They get half of the time. What is
    ``late``, libraries and entry points, gets what is left, and ends nothing either. On a
    free-threaded interpreter the first import that switches the GIL on is reported too.
    """
    sys.argv = [""]
    sys.dont_write_bytecode = True
    _add_site(folder_site)
    names, report = {}, {}
    begun = time.monotonic()
    enough = begun + timeout / 2
    before = _has_gil()
    try:
        for name in imports:
            begin_import(name)
            importlib.import_module(name)
            top = name.partition(".")[0]
            names[top] = sys.modules[top]
            if _has_gil() is not before:
                report.setdefault("gil", name[:MODULE_LIMIT])
        report["failures"], report["tried"] = _try_each(submodules, enough)
        if _has_gil() is not before and submodules:
            report.setdefault("gil", submodules[0][:MODULE_LIMIT])
        begin_stage("call")
        passed = bool(eval(call, names)) if call else True
    except BaseException as error:
        import traceback

        traceback.print_exc()
        report["failed"] = _describe(error)
        if names or not isinstance(error, Exception):
            return report
        # Perhaps the package opens a library when it is imported, and does not say what is wrong.
        return dict(report, **_try_late(folder_site, dict(late, entries=[]), begun + timeout / 2))
    if not passed:
        return dict(report, failed="%s is not true" % call)
    if late["libraries"] or late["entries"]:
        begin_stage("load")
    return dict(report, **_try_late(folder_site, late, begun + 0.9 * timeout))


def _try_late(folder_site, late, until):
    """Return what the wheel's other libraries and its entry points give."""
    report, untried, seconds = {}, 0, late["seconds"]
    if not (late["libraries"] or late["entries"]):
        return report
    try:
        failed, untried = open_libraries(
            folder_site, late["libraries"], seconds, until - seconds, begin_import
        )
        report["loads"] = limited(failed)
        failed, left = resolve_entries(late["entries"], seconds, until - seconds, begin_import)
        report["entries"] = limited(failed)
        untried += left
    except Exception:
        untried += 1  # no fork or no pipe can be had
    return dict(report, untried=untried)


def _has_gil():
    """Return whether the GIL is on; an import of a module that needs it switches it on."""
    asked = getattr(sys, "_is_gil_enabled", None)  # from 3.13 on
    return asked() if asked else True


def _add_site(folder):
    """Add a site directory before those of the system, as pip's is where a wheel replaces them.

    Else Debian's own setuptools would be imported in place of the wheel's.
    """
    ends = ("site-packages", "dist-packages")
    system = [path for path in sys.path if path.endswith(ends)]
    sys.path[:] = [path for path in sys.path if path not in system]
    try:
        site.addsitedir(folder)
    finally:
        sys.path += system


def _try_each(submodules, enough):
    """Import each until ``enough``; return pairs of name and error, and how many were tried."""
    failures, room = [], FAILURES_LIMIT
    for tried, name in enumerate(submodules):
        if time.monotonic() > enough:
            return failures, tried
        try:
            begin_import(name)
            importlib.import_module(name)
        except BaseException as error:
            if _is_loaded(name):
                continue  # its package loads it by another name, as cv2 does with cv2.cv2
            failure = [name, _describe(error)[:FAILURE_LIMIT]]
            room -= len(json.dumps(failure))
            if room > 0:
                failures.append(failure)
    return failures, len(submodules)


def _is_loaded(name):
    """Return whether the file of a module is that of another one of its package, or of theirs."""
    top = name.partition(".")[0]
    try:
        file = importlib.util.find_spec(name).origin
        own = [sys.modules[each] for each in list(sys.modules) if each.partition(".")[0] == top]
        held = [value for module in own for value in list(vars(module).values())]
        modules = own + [value for value in held if type(value) is type(sys)]
        return bool(file) and any(vars(module).get("__file__") == file for module in modules)
    except BaseException:
        return False


def _describe(error):
    """Return the last line of a traceback, and of the errors that it was raised from.

    A module's init function that fails often says only that it failed.
    """
    lines = []
    try:
        while isinstance(error, BaseException) and len(lines) < CHAIN:
            lines.append(_line(error))
            imports = isinstance(error.__context__, (ImportError, OSError))
            quiet = error.__suppress_context__ or not imports
            error = error.__cause__ or (None if quiet else error.__context__)
    except BaseException as second:
        lines.append("<its cause raises %s>" % type(second).__name__)
    return storable(" (from ".join(lines) + ")" * (len(lines) - 1))[:2000]


def _line(error):
    try:
        text = str(error)
    except BaseException as second:
        text = "<its str() raises %s>" % type(second).__name__
    return "%s: %s" % (type(error).__name__, text)
