"""Who may log in to the console: a file of names with hashed passwords, as `nam-cds console-password` writes them."""

import hashlib
import hmac
import re
import secrets
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

from werkzeug.security import check_password_hash, generate_password_hash

from cds_service.errors import SettingsError
from cds_service.settings import variable_of

SHORTEST = 12
"""Characters of a password."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"scrypt:\d{1,7}:\d{1,2}:\d{1,2}\$[^$\s]{8,}\$[0-9a-f]{128}")
_NOBODY = "scrypt:32768:8:1$0000000000000000$" + "0" * 128
"""Stands for the hash of a name that is not listed, so that its answer takes as long as any."""


class Users:
    """Names and their hashes. Thread-safe."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = dict(hashes)
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        """What each who logged in had sent, hashed under a key of this process: scrypt is slow on purpose."""
        self._lock = threading.Lock()

    def remembered(self, name: str, password: str) -> bool:
        """Whether this very pair was found right before."""
        with self._lock:
            known = self._known.get(name, b"")
        return hmac.compare_digest(known, self._digest(name, password))

    def right(self, name: str, password: str) -> bool:
        """Whether the password is that of the name; takes as long for a name that is not listed."""
        right = check_password_hash(self._hashes.get(name, _NOBODY), password) and name in self._hashes
        if right:
            with self._lock:
                self._known[name] = self._digest(name, password)
        return right

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}:{password}".encode("utf-8", "replace"), hashlib.sha256)


def line(name: str, password: str) -> str:
    """The line of a user. Raises ValueError, which says what is wrong."""
    if not _NAME.fullmatch(name):
        raise ValueError("A name has up to 64 letters, digits, and . _ @ -, and begins with a letter or a digit.")
    if len(password) < SHORTEST:
        raise ValueError(f"A password has at least {SHORTEST} characters.")
    return f"{name}:{generate_password_hash(password, 'scrypt')}"


def read_users(path: Path) -> Users:
    """The users of a file: lines of name:hash; others are blank or begin with #. Raises SettingsError with the line."""
    where = f"{variable_of('console_users')}: {path.name}"
    try:
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise SettingsError(f"{where} can be read or written by everybody; `chmod o-rw {path.name}` changes that")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{where} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{where} is not text in UTF-8") from None
    hashes: dict[str, str] = {}
    for number, written in enumerate(map(str.strip, text.splitlines()), 1):
        if not written or written.startswith("#"):
            continue
        name, _, hash_ = written.partition(":")
        if not (_NAME.fullmatch(name) and _HASH.fullmatch(hash_)):
            raise SettingsError(f"{where}, line {number}: is not name:hash. `nam-cds console-password NAME` prints one")
        if name in hashes:
            raise SettingsError(f"{where}, line {number}: {name} stands there twice")
        hashes[name] = hash_
    if not hashes:
        raise SettingsError(f"{where} names nobody. `nam-cds console-password NAME` prints a line for it")
    return Users(hashes)
