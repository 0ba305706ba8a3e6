"""The user that PostgreSQL runs as."""

import os
import pwd
from pathlib import Path

from tocsin.lib.children import Account

_CANDIDATES = ("tocsin", "postgres", "nobody")


def choose(cluster: Path) -> Account | None:
    """None: this user can run it. As root: the cluster's owner, else the first known unprivileged account."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, _name(owner.st_uid))
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    # A minimal image without any of these: the number that `nobody` has everywhere else.
    return Account(65534, 65534, "nobody")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
