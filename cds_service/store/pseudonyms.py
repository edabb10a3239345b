"""Keyed hashes in place of ids. Without the key nobody can tell whose they are, nor try ids one by one."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cds_service.errors import SettingsError

LEAST_BYTES = 32


class Pseudonyms:
    """Hashes under one key: the same parts give the same hash, as long as the key stays."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Pseudonyms(…)"

    @property
    def check(self) -> str:
        """What tells this key from others, and nothing of it."""
        return self.of("check")

    def of(self, kind: str, *parts: str) -> str:
        """The hash of these parts, 32 hexadecimal digits. Hashes of different kinds never meet."""
        message = b"".join(len(encoded).to_bytes(8) + encoded for encoded in map(_bytes, (kind, *parts)))
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:32]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def from_file(path: Path) -> Pseudonyms:
    """With the key in this file. Raises SettingsError."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{path}: the key file cannot be read: {error.strerror}") from None
    if len(key) < LEAST_BYTES:
        raise SettingsError(f"{path}: a key needs at least {LEAST_BYTES} bytes, such as `openssl rand -hex 32` prints")
    return Pseudonyms(key)


def from_own_file(path: Path) -> Pseudonyms:
    """With the key in this file, which is made if it is not there. Raises SettingsError."""
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise SettingsError(f"{path}: the key file cannot be written: {error.strerror}") from None
    return from_file(path)


def _make(path: Path) -> None:
    """Of several processes that start at once one makes the file, whole, and the others take it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_hex(LEAST_BYTES).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # another process was first
    finally:
        draft.unlink()


def fleeting() -> Pseudonyms:
    """With a key that ends with the process."""
    return Pseudonyms(secrets.token_bytes(LEAST_BYTES))
