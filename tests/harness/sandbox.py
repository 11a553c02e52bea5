#!/usr/bin/env python3
"""Runs a command in a sandbox that refuses system calls, as a service manager or a container would (seccomp(2)).

  sandbox.py CALL[:ARGUMENT]=ERROR ... -- COMMAND ...

`socket:16=EAFNOSUPPORT` refuses socket(AF_NETLINK, ...): what systemd's RestrictAddressFamilies does. Needs root.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {"x86_64": {"socket": 41, "recvmmsg": 299, "clone3": 435, "clone": 56},
           "aarch64": {"socket": 198, "recvmmsg": 243, "clone3": 435, "clone": 220}}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
PR_SET_SECCOMP, FILTER_MODE = 22, 2


def program(rules):
    """BPF that refuses what the rules name: (call, argument or None, error)."""
    out = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, AUDIT_ARCH[platform.machine()]), (RETURN, 0, 0, ALLOW)]
    for call, argument, error in rules:
        body = [(RETURN, 0, 0, REFUSE | error)]
        if argument is not None:
            body = [(LOAD, 0, 0, 16), (EQUAL, 0, 1, argument), *body]
        out += [(LOAD, 0, 0, 0), (EQUAL, 0, len(body), NUMBERS[platform.machine()][call]), *body]
    return out + [(RETURN, 0, 0, ALLOW)]


def install(rules):
    code = b"".join(struct.pack("HBBI", *step) for step in program(rules))
    buffer = ctypes.create_string_buffer(code)
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, FILTER_MODE, head, 0, 0) != 0:
        sys.exit(f"sandbox: {os.strerror(ctypes.get_errno())}")


def main():
    split = sys.argv.index("--")
    rules = []
    for text in sys.argv[1:split]:
        what, error = text.split("=")
        call, _, argument = what.partition(":")
        rules.append((call, int(argument) if argument else None, getattr(errno, error)))
    install(rules)
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])


if __name__ == "__main__":
    main()
