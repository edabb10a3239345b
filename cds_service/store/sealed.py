"""Things kept for whoever holds a secret, such as a cookie: the database alone reveals none of them.

Name and key of an entry are both derived from the secret (HKDF-SHA-256, RFC 5869), and the content is sealed with the
key (AES-256-GCM). The secret itself is kept nowhere. An entry cannot be read once it has expired.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, delete, select

from cds_service.store.database import insert_new
from cds_service.store.store import Store
from cds_service.store.tables import sealed

_NAME_BYTES, _KEY_BYTES, _NONCE_BYTES = 16, 32, 12


class Sealed:
    """Entries of one kind. Thread-safe, and the same in all workers. Each method raises StoreDownError."""

    def __init__(self, store: Store, kind: str, now: Callable[[], float]) -> None:
        """`now`: seconds since the epoch. Entries of different kinds never meet."""
        self._store = store
        self._kind = kind.encode()
        self._now = now

    def put(self, secret: str, content: bytes, seconds: float) -> None:
        """Keep it for so long. The secret is a fresh one of 128 bits or more."""
        name, key = self._derived(secret)
        nonce = os.urandom(_NONCE_BYTES)
        row = {
            "name": name,
            "content": nonce + AESGCM(key).encrypt(nonce, content, name.encode()),
            "expires_at": datetime.fromtimestamp(self._now() + seconds, UTC),
        }
        self._store.write("seal", lambda connection: connection.execute(insert_new(connection, sealed), row).rowcount)

    def get(self, secret: str) -> bytes | None:
        """What was put under the secret; None if there is nothing, or no longer."""
        name, key = self._derived(secret)
        asked = select(sealed.c.content).where(sealed.c.name == name, sealed.c.expires_at > self._time())
        return _opened(self._store.read(lambda connection: connection.scalar(asked)), name, key)

    def take(self, secret: str) -> bytes | None:
        """The same, for the first who asks: afterwards there is nothing."""
        name, key = self._derived(secret)
        taken = delete(sealed).where(sealed.c.name == name).returning(sealed.c.content, sealed.c.expires_at)

        def work(connection: Connection) -> bytes | None:
            row = connection.execute(taken).one_or_none()
            return row.content if row and row.expires_at > self._time() else None

        return _opened(self._store.write("unseal", work), name, key)

    def _derived(self, secret: str) -> tuple[str, bytes]:
        derived = HKDF(SHA256(), _NAME_BYTES + _KEY_BYTES, salt=None, info=self._kind).derive(
            secret.encode("utf-8", "surrogatepass")
        )
        return derived[:_NAME_BYTES].hex(), derived[_NAME_BYTES:]

    def _time(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _opened(content: bytes | None, name: str, key: bytes) -> bytes | None:
    if content is None:
        return None
    try:
        return AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], name.encode())
    except InvalidTag:  # it was changed in the database
        return None
