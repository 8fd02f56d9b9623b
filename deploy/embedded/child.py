"""Becomes another program that cannot outlive the process that asked for it.

Run as a file by `deploy.embedded.supervised`, in a fresh interpreter and with the standard library only:
`python -I -S child.py '{"parent": 12, "signal": 3, "uid": 65534, "gid": 65534, "reaches": [...]}' program arguments...`
When the parent dies in any way, the kernel sends the program `signal`. With `uid` it gives up root first;
the death signal is set after that, because changing the user clears it.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

CANNOT_REACH = 78


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Words(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _give_up_root(uid: int, gid: int, reaches: list[str]) -> None:
    """Continue as `uid`, without any privilege, or with that of passing closed folders where it must.

    A checkout below a 0700 home is the usual case of the latter. Opening that folder to everybody would be worse
    than letting one program, which root started, look past it.
    """
    libc = _libc()
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header, words = _Header(CAPABILITY_VERSION_3, 0), (_Words * 2)()
    libc.capget(ctypes.byref(header), words)
    permitted = words[0].permitted
    keep = 0
    # access() asks for the real user without capabilities, so the answer is that of an ordinary program.
    if not all(os.access(path, os.R_OK | os.X_OK) for path in reaches):
        keep = next((cap for cap in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if permitted & 1 << cap), 0)
        if not keep:
            sys.exit(CANNOT_REACH)
    bits = 1 << keep if keep else 0
    limited = (_Words * 2)(_Words(bits, bits, bits), _Words(0, 0, 0))
    if libc.capset(ctypes.byref(header), limited) or (
        keep and libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, keep, 0, 0)
    ):
        sys.exit(CANNOT_REACH)


def main() -> None:
    """Detach from the terminal, give up root, tie the own life to the parent's, and become the program."""
    order, program = json.loads(sys.argv[1]), sys.argv[2:]
    # A terminal's Ctrl-C is for the parent, which stops its children in their order.
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if order.get("uid") is not None:
        _give_up_root(order["uid"], order["gid"], order["reaches"])
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, order["signal"], 0, 0, 0)
    # It may have died before the line above.
    if os.getppid() != order["parent"]:
        sys.exit(0)
    os.execv(program[0], program)  # noqa: S606 - becoming it is the point


if __name__ == "__main__":
    main()
