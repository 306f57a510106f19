"""Report the instruction that ends a cell by SIGILL: its bytes, and the file that holds it.

A handler in Python runs in the signal's context, which is safe for nothing. The process dies then
anyway: the kernel resets the action first, and the instruction is tried again after the handler.
"""

import os
import struct
import sys

from .child import report_fault

_SIGILL = 4
_SA_SIGINFO = 4
_SA_RESETHAND = 0x80000000
_SI_CODE = 8  # bytes; zero or less for a signal that a process sent
_KEPT = 16  # bytes: the longest instruction of any arch has 15
_PAGE = 4096
_WRITE_EXECUTE = 7  # PROT_READ, PROT_WRITE, PROT_EXEC
_PRIVATE_ANONYMOUS = 0x22
_alive = []  # what the handler uses


def report_illegal():
    """Have SIGILL report the instruction, then end this process as it would without."""
    try:
        import ctypes

        _install(ctypes)
    except (ImportError, OSError, AttributeError) as error:
        report_fault({"unknown": "this Python cannot tell where: %s" % error})
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in ("ctypes", "_ctypes")]:
            del sys.modules[name]  # cells start from a clean interpreter


def _install(ctypes):
    place = 4 * max(3, ctypes.sizeof(ctypes.c_void_p) // 2)  # of si_addr: 12 bytes or 16

    def handle(_, info, __):
        if ctypes.c_int.from_address(info + _SI_CODE).value <= 0:
            report_fault({"unknown": "a process sent the signal"})
            os.kill(os.getpid(), _SIGILL)  # no instruction is tried again
            return
        address = ctypes.c_void_p.from_address(info + place).value or 0
        size = min(_KEPT, _PAGE - address % _PAGE)  # the next page may be missing
        file, offset = _holder(address)
        code = ctypes.string_at(address, size) if file else b""
        report_fault({"address": address, "code": code.hex(), "file": file, "offset": offset})

    kind = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    handler = entry = kind(handle)
    if os.uname().machine == "x86_64" and sys.maxsize > 1 << 32:
        entry = kind(_aligning(ctypes, ctypes.cast(handler, ctypes.c_void_p).value))
    flags, mask = ("flags", ctypes.c_uint), ("mask", ctypes.c_byte * 128)
    fields = [("handler", kind), mask, flags, ("restorer", ctypes.c_void_p)]
    if os.uname().machine == "s390x" and _is_glibc():  # its bits/sigaction.h
        padding = ("padding", ctypes.c_int)
        fields = [("handler", kind), padding, flags, ("restorer", ctypes.c_void_p), mask]

    class Action(ctypes.Structure):
        _fields_ = fields

    action = Action(handler=entry, flags=_SA_SIGINFO | _SA_RESETHAND)
    _alive.extend((handler, action))
    if ctypes.CDLL(None).sigaction(_SIGILL, ctypes.byref(action), None) != 0:
        raise OSError("sigaction fails")


def _aligning(ctypes, function):
    """Return the address of code that aligns the stack to 16 bytes, then calls a function.

    QEMU enters a handler of x86_64 with a stack that is off by 8 bytes (seen with 7.2), which is
    against the psABI ("The Stack Frame"). libffi saves vector registers there with instructions
    that need the alignment, and SIGSEGV would take the place of SIGILL.
    """
    code = b"\x55\x48\x89\xe5\x48\x83\xe4\xf0"  # push rbp; mov rbp, rsp; and rsp, -16
    code += b"\x48\xb8" + struct.pack("<Q", function)  # mov rax, function
    code += b"\xff\xd0\xc9\xc3"  # call rax; leave; ret
    allocate = ctypes.CDLL(None).mmap
    allocate.restype = ctypes.c_void_p
    size, offset = ctypes.c_size_t(_PAGE), ctypes.c_long(0)
    place = allocate(None, size, _WRITE_EXECUTE, _PRIVATE_ANONYMOUS, -1, offset)
    if place == ctypes.c_void_p(-1).value:
        raise OSError("mmap fails")
    ctypes.memmove(place, code, len(code))
    return place


def _is_glibc():
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError, AttributeError):
        return False


def _holder(address):
    """Return the file that is mapped at an address, and the address' place in it (proc(5))."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, _, offset, _, _, *path = line.split(None, 5)
            start, end = (int(each, 16) for each in span.split("-"))
            if start <= address < end:
                return "".join(path).strip(), address - start + int(offset, 16)
    return "", 0
