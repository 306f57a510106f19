"""Import the modules of an installed wheel and evaluate its call, in a process of their own."""

import importlib
import json
import os
import site
import sys

from .child import Reports, run_child

FRESH = ("container", "child", "importer")  # the modules that a new interpreter needs
# The names of what may come with a cell into its directory: what was installed elsewhere,
# companions, and what was compiled elsewhere.
SITE = "site.zip"
BESIDE = "beside.zip"
BYTECODE = "bytecode.zip"


def import_and_call(folder_site, imports, call, limits, folder):
    """Import and call in a fork of the agent's own clean interpreter."""

    def body(reports):
        for archive in (SITE, BESIDE):
            _put_files(os.path.join(folder, archive), folder_site, os.makedirs)
        # Bytecode goes where its source is: another folder would be a package of its own.
        _put_files(os.path.join(folder, BYTECODE), folder_site, os.mkdir)
        _try(reports, folder_site, imports, call)

    return run_child(body, limits, folder)


def import_afresh(folder_site, imports, call, limits, folder):
    """Import and call in a new interpreter, the slow way."""
    payload = os.path.join(folder, "agent.json")
    order = os.path.join(folder, "order.json")
    with open(payload, "w") as stream:
        stream.write(sys.modules[__package__].payload)
    code = (
        "import json; p = open(%r).read(); exec(json.loads(p)['loader']);"
        " load(p, %r).importer.be_fresh(%r)" % (payload, FRESH, order)
    )

    def body(reports):
        with open(order, "w") as stream:
            json.dump([reports.token, folder_site, imports, call], stream)
        os.execv(sys.executable, [sys.executable, "-I", "-B", "-c", code])

    return run_child(body, limits, folder)


def be_fresh(order):
    """Be the new interpreter that ``import_afresh`` started; never returns."""
    with open(order) as stream:
        token, folder_site, imports, call = json.load(stream)
    os.unlink(order)  # before a stranger's code could read the token
    _try(Reports(token), folder_site, imports, call)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _put_files(archive, folder_site, make_folder):
    """Put an archive's files, where there is one, to what the subject's installation left."""
    if not os.path.exists(archive):
        return
    import zipfile

    with zipfile.ZipFile(archive) as files:
        for info in files.infolist():
            path = os.path.join(folder_site, info.filename)
            try:
                if not os.path.isdir(os.path.dirname(path)):
                    make_folder(os.path.dirname(path))
                with open(path, "xb") as stream:
                    stream.write(files.read(info))
            except (FileExistsError, FileNotFoundError):
                continue  # it is there already, or its source is not
            mode = info.external_attr >> 16 & 0o777
            if mode & 0o100:
                os.chmod(path, mode)


def _try(reports, folder_site, imports, call):
    """Report each stage as it is reached, and at the end whether the call holds."""
    sys.argv = [""]
    sys.dont_write_bytecode = True
    site.addsitedir(folder_site)
    names = {}
    reports({"stage": "import"})
    try:
        for name in imports:
            importlib.import_module(name)
            top = name.partition(".")[0]
            names[top] = sys.modules[top]
        reports({"stage": "call"})
        passed = bool(eval(call, names)) if call else True
    except BaseException as error:
        import traceback

        traceback.print_exc()
        reports({"failed": _describe(error), "done": True})
        return
    reports({"passed": True, "done": True} if passed else _untrue(call))


def _untrue(call):
    return {"failed": "%s is not true" % call, "done": True}


def _describe(error):
    """Return the last line of a traceback, whatever the error's own str() does."""
    try:
        text = str(error)
    except BaseException as second:
        text = "<its str() raises %s>" % type(second).__name__
    return ("%s: %s" % (type(error).__name__, text))[:2000]
