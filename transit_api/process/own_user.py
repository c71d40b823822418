"""Who the servers and workers run as when root starts them: a user that nobody else is."""

import ctypes
import hashlib
import os
import pwd
import sys
from pathlib import Path

import psutil

from transit_api.settings import SettingsError

# The one user without files of its own that has a name everywhere.
NOBODY = 65534

# What systemd's table of user ids calls unused; a container maps it, too.
FREE_UIDS = range(60706, 61184)

_PR_SET_DUMPABLE = 4


def choose_uid(data: Path, name: str | None = None) -> int | None:
    """Who runs what is started on `data`; None is ourselves, who are not root.

    The owner of the data stays who runs it. SettingsError if `name` cannot be that user.
    """
    if name is not None:
        return _named(name)
    if os.geteuid() != 0:
        return None
    cluster = data / "postgresql"
    if cluster.exists() and cluster.stat().st_uid not in (0, NOBODY):
        return cluster.stat().st_uid
    return _free_uid(data)


def become(uid: int) -> None:
    """Give up root for good, in this process."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        # The kernel closes /proc/self to a process that changed its user; our metrics read it.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def _named(name: str) -> int | None:
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise SettingsError(f"there is no user {name!r} on this machine") from None
    if uid == 0:
        raise SettingsError("--user is who runs instead of root")
    if os.geteuid() == uid:
        return None
    if os.geteuid() != 0:
        raise SettingsError("only root can start something as another user (--user)")
    return uid


def _free_uid(data: Path) -> int:
    """A user id without a name and without a process, for these data as often the same."""
    running = {process.info["uids"].real for process in psutil.process_iter(["uids"])}
    taken = running | {user.pw_uid for user in pwd.getpwall()}
    first = int.from_bytes(hashlib.sha256(os.fsencode(data)).digest()[:4], "big")
    for step in range(len(FREE_UIDS)):
        uid = FREE_UIDS[(first + step) % len(FREE_UIDS)]
        if uid not in taken:
            return uid
    raise SettingsError("no user id is free for the servers; name a user with --user")
