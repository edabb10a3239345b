"""The public keys of clients: JSON Web Key Sets, and when they are read again (CH-JWT-04, -05, -09, -10)."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import msgspec
import structlog

_log = structlog.get_logger()

ALGORITHMS: dict[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Algorithm → type and curve of the keys it goes with. None is symmetric, and `none` is none (CH-JWT-02, -03)."""
MIN_RSA_BITS = 2048
MOST_BYTES = 256_000
"""Of a key set; the largest seen in the wild have a few kilobytes."""


class JwksError(ValueError):
    """What should be a key set is none; the text says why, without any of it."""


class Key(msgspec.Struct, frozen=True):
    """A public key, as `kty`, `crv`, `alg`, `use` and `key_ops` describe it."""

    kid: str
    jwk: Mapping[str, Any]

    def fits(self, algorithm: str) -> bool:
        """Whether signatures of this algorithm can be this key's."""
        kty, crv = ALGORITHMS[algorithm]
        operations = self.jwk.get("key_ops")
        return (
            self.jwk.get("kty") == kty
            and (crv is None or self.jwk.get("crv") == crv)
            and self.jwk.get("alg", algorithm) == algorithm
            and self.jwk.get("use", "sig") == "sig"
            and (operations is None or (isinstance(operations, list) and "verify" in operations))
        )

    def for_algorithm(self, algorithm: str) -> jwt.PyJWK:
        """The key as the library wants it. Raises JwksError for one that is no such key, or is too short."""
        try:
            made = jwt.PyJWK(dict(self.jwk), algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            raise JwksError("a key is not what its kty says") from None
        if self.jwk["kty"] == "RSA" and made.key.key_size < MIN_RSA_BITS:
            raise JwksError(f"an RSA key has fewer than {MIN_RSA_BITS} bits")
        return made


class _Jwks(msgspec.Struct):
    keys: list[dict[str, Any]]


def parse_jwks(content: bytes) -> dict[str, Key]:
    """The keys that can be used, by `kid`. Raises JwksError if there are none.

    Passed over: keys without a `kid` or with one that is not the only one of it, symmetric keys, and private keys,
    which whoever can read the set can sign with.
    """
    try:
        listed = msgspec.json.decode(content, type=_Jwks).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise JwksError("is no JSON Web Key Set: an object with the array keys") from None
    kids = Counter(kid for one in listed if isinstance(kid := one.get("kid"), str))
    found = {}
    for one in listed:
        kid = one.get("kid")
        if isinstance(kid, str) and kid and kids[kid] == 1 and _is_public(one):
            found[kid] = Key(kid, one)
    if not found:
        raise JwksError("holds no public key with a kid of its own")
    return found


def _is_public(jwk: dict[str, Any]) -> bool:
    return jwk.get("kty") in ("EC", "RSA", "OKP") and "d" not in jwk


class KeySource:
    """The keys of one client, kept for a while and read again when that may help. Thread-safe.

    Read again: when they are older than `fresh_seconds`, and when a token names a `kid` they do not have; but never
    sooner than `cooldown_seconds` after the last try, so that made-up tokens cannot make us call (CH-JWT-05). If they
    cannot be read, those there are go on being used until they are `stale_seconds` old.
    """

    def __init__(
        self,
        client: str,
        load: Callable[[], bytes],
        *,
        clock: Callable[[], float] = time.monotonic,
        cooldown_seconds: float = 60,
        fresh_seconds: float = 3600,
        stale_seconds: float = 86_400,
    ) -> None:
        self._client = client
        self._load = load
        self._clock = clock
        self._cooldown, self._fresh, self._stale = cooldown_seconds, fresh_seconds, stale_seconds
        self._lock = threading.Lock()
        self._keys: dict[str, Key] = {}
        self._read = self._tried = float("-inf")

    def find(self, kid: str) -> Key | None:
        """The key of exactly this `kid`."""
        if kid in self._keys and self._clock() - self._read < self._fresh:
            return self._keys[kid]
        # Whoever has keys that can still be used does not wait for somebody who is reading them.
        if self._lock.acquire(blocking=kid not in self._keys):
            try:
                self._read_again(kid)
            finally:
                self._lock.release()
        return self._keys.get(kid) if self._clock() - self._read < self._stale else None

    def _read_again(self, kid: str) -> None:
        now = self._clock()
        needed = kid not in self._keys or now - self._read >= self._fresh
        if not needed or now - self._tried < self._cooldown:
            return
        self._tried = now
        try:
            found = parse_jwks(self._load())
        except (JwksError, OSError) as error:
            _log.warning("keys_not_read", client=self._client, reason=str(error) or type(error).__name__)
            return
        if found.keys() != self._keys.keys():
            _log.info("keys_read", client=self._client, keys=len(found))
        self._keys, self._read = found, now
