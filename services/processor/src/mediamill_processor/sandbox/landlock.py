"""Closes the file system and TCP to the calling thread and its future threads, without any privilege.

A decoder that was taken over can then read nothing but uploads and write nothing but scratch files: no
settings, no keys, no other service's sockets. Numbers and structures: Linux `landlock(7)`.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_QUERY = 1
_RULE_PATH_BENEATH = 1

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_FOLDER = 1 << 3
_REMOVE_FILE = 1 << 5
_MAKE_FILE = 1 << 8
_TRUNCATE = 1 << 14
_ALL_OF_ABI_1 = (1 << 13) - 1
_REFER = 1 << 13
_IOCTL_DEVICE = 1 << 15
_ALL_TCP = 0b11

_libc = ctypes.CDLL(None, use_errno=True)


def restrict_files(
    readable: Path, writable: Path, programs: Iterable[Path] = (), documents: Iterable[Path] = ()
) -> list[str]:
    """Allow reading below `readable`, writing below `writable` and running `programs`, nothing else.

    `programs` are files, or folders with programs and libraries; those that do not exist are left out.
    `documents` are folders with files of our own that may be read.
    Returns what holds. Call it while the process has one thread.
    """
    abi = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION_QUERY)
    if abi < 1:
        return []
    handled = _rights_of(abi)
    network = _ALL_TCP if abi >= 4 else 0
    attributes = struct.pack("=QQ", handled, network) if network else struct.pack("=Q", handled)
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return []
    try:
        _allow(ruleset, readable, _READ_FILE)
        _allow(
            ruleset, writable, handled & (_READ_FILE | _WRITE_FILE | _MAKE_FILE | _REMOVE_FILE | _TRUNCATE)
        )
        for folder in documents:
            _allow(ruleset, folder, _READ_FILE | _READ_FOLDER)
        for program in programs:
            if program.exists():
                listing = _READ_FOLDER if program.is_dir() else 0
                _allow(ruleset, program, _EXECUTE | _READ_FILE | listing)
        if _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
            return []
    finally:
        os.close(ruleset)
    return ["files restricted"] + (["no TCP"] if network else [])


def _rights_of(abi: int) -> int:
    """Return every file right that the kernel can take away."""
    rights = _ALL_OF_ABI_1
    if abi >= 2:
        rights |= _REFER
    if abi >= 3:
        rights |= _TRUNCATE
    if abi >= 5:
        rights |= _IOCTL_DEVICE
    return rights


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        if _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock rule refused", str(path))
    finally:
        os.close(descriptor)
