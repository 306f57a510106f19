"""Which modules belong to Python itself, and in which versions (pure).

Source: "What's New in Python" of each version; PEP 3108, PEP 594 and PEP 632 name most of the
removed ones.
"""

import sys

from harness.core.causes import Cause

_REMOVED = {
    (3, 0): (
        *("BaseHTTPServer", "CGIHTTPServer", "ConfigParser", "Cookie", "DocXMLRPCServer"),
        *("HTMLParser", "Queue", "ScrolledText", "SimpleHTTPServer", "SimpleXMLRPCServer"),
        *("SocketServer", "StringIO", "Tix", "Tkinter", "UserDict", "UserList", "UserString"),
        *("__builtin__", "anydbm", "cPickle", "cStringIO", "commands", "cookielib", "copy_reg"),
        *("dircache", "dummy_thread", "exceptions", "future_builtins", "htmlentitydefs"),
        *("htmllib", "httplib", "md5", "mimetools", "popen2", "rfc822", "robotparser", "sets"),
        *("sgmllib", "sha", "thread", "tkColorChooser", "tkFileDialog", "tkFont"),
        *("tkMessageBox", "tkSimpleDialog", "ttk", "urllib2", "urlparse", "whichdb", "xmlrpclib"),
    ),
    (3, 9): ("dummy_threading",),
    (3, 10): ("formatter", "parser", "symbol"),
    (3, 11): ("binhex",),
    (3, 12): ("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    (3, 13): (
        *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap"),
        *("msilib", "nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau"),
        *("telnetlib", "uu", "xdrlib"),
    ),
}
_ADDED = {
    (3, 7): ("contextvars", "dataclasses"),
    (3, 9): ("graphlib", "zoneinfo"),
    (3, 11): ("tomllib",),
    (3, 14): ("annotationlib", "compression"),
}
_FIRST_WITHOUT = {name: version for version, names in _REMOVED.items() for name in names}
_FIRST_WITH = {name: version for version, names in _ADDED.items() for name in names}


def is_standard(module: str) -> bool:
    """Whether a top-level module is one of Python's own, in some version on some platform."""
    return module in _FIRST_WITHOUT or module in _FIRST_WITH or module in sys.stdlib_module_names


def age_cause(module: str, python: tuple[int, ...]) -> Cause | None:
    """Return why a Python of this version has no such module: too new, or too old; else None."""
    if python >= _FIRST_WITHOUT.get(module, (sys.maxsize,)):
        return Cause.PYTHON_TOO_NEW
    return Cause.PYTHON_TOO_OLD if python < _FIRST_WITH.get(module, ()) else None
