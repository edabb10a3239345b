"""An EHR's keys, clients files and tokens, right and wrong ones."""

import json
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

NOW = 4_000_000_000.0
"""In the year 2096: a store whose clock is the real one has nothing to forget."""
ISSUER = "https://ehr.example.org/"
JKU = "https://ehr.example.org/.well-known/jwks.json"
PUBLIC_URL = "https://cds.example.org/nam"
ADDRESS = f"{PUBLIC_URL}/cds-services/demo"

_CURVES: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


class KeyPair:
    """A key with its `kid`, for one algorithm."""

    def __init__(self, kid: str, algorithm: str = "ES384", bits: int = 2048) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: Any
        if algorithm in _CURVES:
            self.private = ec.generate_private_key(_CURVES[algorithm])
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def jwk(self, *, private: bool = False, **changes: Any) -> dict[str, Any]:
        """The public key as a JWK; a change to None takes the member out."""
        key = self.private if private else self.private.public_key()
        made: Any = get_default_algorithms()[self.algorithm]
        members = made.to_jwk(key, as_dict=True)
        members.pop("key_ops", None)
        members |= {"kid": self.kid, "alg": self.algorithm, "use": "sig"} | changes
        return {name: value for name, value in members.items() if value is not None}

    def sign(self, claims: Any, **header: Any) -> str:
        """A token; a header set to None is left out."""
        members = {"typ": "JWT", "kid": self.kid, "alg": self.algorithm} | header
        members = {name: value for name, value in members.items() if value is not None}
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        made: Any = get_default_algorithms()[self.algorithm]
        signed = f"{segment(json.dumps(members).encode())}.{segment(payload)}"
        return f"{signed}.{segment(made.sign(signed.encode(), self.private))}"


def segment(content: bytes) -> str:
    encoded: bytes = jwt.utils.base64url_encode(content)
    return encoded.decode()


@cache
def key_pair(kid: str, algorithm: str = "ES384", bits: int = 2048) -> KeyPair:
    """Made once for the whole run."""
    return KeyPair(kid, algorithm, bits)


def claims(**changes: Any) -> dict[str, Any]:
    """What a token says that is right at NOW; a change to None takes the claim out."""
    members: dict[str, Any] = {
        "iss": ISSUER,
        "aud": ADDRESS,
        "iat": int(NOW) - 5,
        "exp": int(NOW) + 300,
        "jti": str(uuid.uuid4()),
    }
    return {name: value for name, value in (members | changes).items() if value is not None}


def jwks(*keys: KeyPair | dict[str, Any]) -> bytes:
    return json.dumps({"keys": [key if isinstance(key, dict) else key.jwk() for key in keys]}).encode()


def clients_file(folder: Path, *keys: KeyPair, name: str = "st-elsewhere", **changes: Any) -> Path:
    """A file with one client, its keys in a file beside it; a change to None takes the member out."""
    (folder / "keys.json").write_bytes(jwks(*(keys or (key_pair("one"),))))
    return write_clients(folder, {name: {"issuer": ISSUER, "jwks": "keys.json"} | changes})


def write_clients(folder: Path, entries: Any) -> Path:
    path = folder / "clients.yaml"
    if isinstance(entries, dict):
        entries = {
            name: {key: value for key, value in entry.items() if value is not None}
            if isinstance(entry, dict)
            else entry
            for name, entry in entries.items()
        }
    path.write_text(entries if isinstance(entries, str) else yaml.safe_dump(entries), encoding="utf-8")
    return path
