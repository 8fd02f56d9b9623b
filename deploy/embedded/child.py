"""Becomes another program that cannot outlive the process that asked for it.

Run as a file by `deploy.embedded.supervised`, in a fresh interpreter and with the standard library only:
`python -I -S child.py '{"parent": 12, "signal": 3, "uid": 65534, "gid": 65534}' program arguments...`
When the parent dies in any way, the kernel sends the program `signal`. With `uid` it gives up root first;
the death signal is set after that, because changing the user clears it.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Give up root, ask to be killed along with the parent, and become the program."""
    order, program = json.loads(sys.argv[1]), sys.argv[2:]
    # The parent blocks them until here.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if order.get("uid") is not None:
        os.setgroups([])
        os.setresgid(order["gid"], order["gid"], order["gid"])
        os.setresuid(order["uid"], order["uid"], order["uid"])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, order["signal"], 0, 0, 0)
    # The parent may have died before the line above.
    if os.getppid() != order["parent"]:
        sys.exit(0)
    os.execv(program[0], program)  # noqa: S606 - replacing this process by the program is the purpose


if __name__ == "__main__":
    main()
