"""Tokens of a caller: good ones, and such as nobody may accept."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

SECONDS_VALID = 300
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Signer(msgspec.Struct, frozen=True):
    """Makes a client's tokens (CDS Hooks 2.0.1, "Trusting CDS Clients")."""

    key: PrivateKey
    algorithm: str
    kid: str
    issuer: str
    jku: str = ""
    tenant: str = ""

    @classmethod
    def invented(cls) -> "Signer":
        """A client that no service knows."""
        return cls(ec.generate_private_key(ec.SECP384R1()), "ES384", "selftest", "https://selftest.example")

    def token(
        self, audience: str, *, header: dict[str, Any] | None = None, now: float | None = None, **claims: Any
    ) -> str:
        """A token for this URL. A claim or a header member that is given as None is left out."""
        return jwt.encode(
            self.claims(audience, now, **claims), self.key, algorithm=self.algorithm, headers=self.header(header)
        )

    def header(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        members = {"typ": "JWT", "kid": self.kid, "jku": self.jku or None} | (changes or {})
        # PyJWT leaves `typ` out only if it is told so by a null.
        return {name: value for name, value in members.items() if value is not None or name == "typ"}

    def claims(self, audience: str, now: float | None = None, **changes: Any) -> dict[str, Any]:
        moment = int(time.time() if now is None else now)
        usual: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience,
            "iat": moment,
            "exp": moment + SECONDS_VALID,
            "jti": str(uuid.uuid4()),
        }
        usual |= {"tenant": self.tenant} if self.tenant else {}
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def unsigned(self, audience: str) -> str:
        """`alg` none."""
        return f"{_joined(self.header() | {'alg': 'none'}, self.claims(audience))}."

    def symmetric(self, audience: str) -> str:
        """HS256, with the text of the public key as the secret that everybody knows."""
        secret = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        text = _joined(self.header() | {"alg": "HS256"}, self.claims(audience))
        return f"{text}.{_base64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    def tampered(self, audience: str) -> str:
        """Another issuer's name under the signature of this one's."""
        head, _, signature = self.token(audience).split(".")
        return f"{head}.{_part(self.claims(audience) | {'tenant': 'somebody-else'})}.{signature}"

    def jwks(self) -> dict[str, Any]:
        """The public key as a key set."""
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        assert isinstance(algorithm, jwt.algorithms.ECAlgorithm | jwt.algorithms.RSAAlgorithm)  # nosec B101  # narrows a type
        public: dict[str, Any] = json.loads(algorithm.to_jwk(self.key.public_key()))  # type: ignore[arg-type]
        return {"keys": [public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}]}


def read_key(path: Path) -> PrivateKey:
    """A private key in a PEM file without passphrase. Raises ValueError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise ValueError("it holds no private key in PEM form without a passphrase") from None
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise ValueError("it holds neither an elliptic curve key nor an RSA key")


def usual_algorithm(key: PrivateKey) -> str:
    """What such a key signs with: the algorithms that CDS Hooks recommends where the key fits them."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS384"
    return {256: "ES256", 384: "ES384", 521: "ES512"}.get(key.key_size, "ES384")


def _joined(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_part(header)}.{_part(claims)}"


def _part(members: dict[str, Any]) -> str:
    return _base64(json.dumps(members).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
