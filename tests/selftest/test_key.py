"""`nam-cds selftest --key`: a client that signs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from cds_service.cli import main
from cds_service.selftest.tokens import Signer, read_key, usual_algorithm
from tests.selftest.plain_service import PlainService

ISSUER = "https://ehr.example"


def pem(key: Any, passphrase: bytes = b"") -> bytes:
    secret = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
    return text


@pytest.fixture
def selftest(serve: Callable[..., Any], tmp_path: Path) -> Any:
    """Run the command with the key of a client that a proper service knows, or with other options."""

    def run(*options: str, public_url: str = "") -> Result:
        signer = msgspec.structs.replace(Signer.invented(), issuer=ISSUER, kid="ehr-1")
        service, file = PlainService(signer), tmp_path / "client.pem"
        file.write_bytes(pem(signer.key))
        with serve(service.app) as address:
            service.address = public_url or address
            return CliRunner().invoke(main, ["selftest", address, "--key", str(file), *options])

    return run


def test_a_known_client_is_answered_and_each_defect_of_its_tokens_is_tried(selftest: Callable[..., Result]) -> None:
    done = selftest("--issuer", ISSUER, "--kid", "ehr-1", "--check", "token_replayed", "--check", "token_expired")
    assert done.exit_code == 0, done.output
    assert "2 passed, 0 error" in " ".join(done.output.split())


def test_a_service_behind_a_proxy_is_told_its_own_name(selftest: Callable[..., Result]) -> None:
    few = ("--issuer", ISSUER, "--kid", "ehr-1", "--check", "complete_call", "--check", "token_audience_array")
    there = "https://cds.example.org/decision"
    assert selftest(*few, public_url=there).exit_code == 1
    assert selftest(*few, "--public-url", f"{there}/", public_url=there).exit_code == 0


def test_a_client_that_is_not_known_learns_that(selftest: Callable[..., Result]) -> None:
    done = selftest("--issuer", "https://other.example", "--kid", "ehr-1", "--check", "complete_call")
    assert done.exit_code == 1
    assert "401 came instead of 200" in done.output


def test_a_key_alone_is_wrong_usage(selftest: Callable[..., Result]) -> None:
    done = selftest("--kid", "ehr-1")
    assert done.exit_code == 2
    assert "--key needs --issuer and --kid" in done.output


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (rsa.generate_private_key(65537, 2048), "RS384"),
    ],
    ids=["P-256", "P-384", "RSA"],
)
def test_the_algorithm_follows_the_key(tmp_path: Path, key: Any, algorithm: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(pem(key))
    assert usual_algorithm(read_key(file)) == algorithm


@pytest.mark.parametrize(
    "content",
    [
        b"no key",
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP384R1()), b"passphrase"),
    ],
    ids=["nothing", "another kind", "with a passphrase"],
)
def test_what_cannot_be_used_as_a_key_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="it holds n"):
        read_key(file)
