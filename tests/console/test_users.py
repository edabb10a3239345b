"""The file of those who may log in, and the command that writes its lines."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.console.users import Users, line, read_users
from cds_service.errors import SettingsError
from tests.console.conftest import NAME, PASSWORD


def test_whoever_stands_in_the_file_gets_in_with_the_password_alone(users_file: Path) -> None:
    users = read_users(users_file)
    assert not users.remembered(NAME, PASSWORD)
    assert users.right(NAME, PASSWORD)
    assert users.remembered(NAME, PASSWORD)
    for name, password in ((NAME, PASSWORD + "x"), (NAME, ""), ("mallory", PASSWORD), ("", "")):
        assert not users.right(name, password)
        assert not users.remembered(name, password)


def test_nobody_is_remembered_who_is_not_listed() -> None:
    assert not Users({}).right("nobody", "0" * 12)
    assert not Users({}).remembered("nobody", "")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str | bytes, mode: int = 0o640) -> Path:
        path = tmp_path / "users"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write


GOOD = line("ada", "a password of twelve")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (GOOD, 0o644, "chmod o-rw users"),
        (GOOD, 0o642, "chmod o-rw users"),
        ("", 0o600, "names nobody"),
        ("# nobody\n", 0o600, "names nobody"),
        ("ada:secret", 0o600, "line 1: is not name:hash. `nam-cds console-password NAME` prints one"),
        (f"\n{GOOD}\nada", 0o600, "line 3: is not name:hash"),
        (GOOD.replace("ada", "a b"), 0o600, "line 1: is not name:hash"),
        (GOOD.replace("scrypt", "pbkdf2:sha256"), 0o600, "line 1: is not name:hash"),
        (f"{GOOD}\n{GOOD}", 0o600, "line 2: ada stands there twice"),
        (b"\xff", 0o600, "is not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_good_is_refused(
    written: Callable[..., Path], text: str | bytes, mode: int, said: str
) -> None:
    with pytest.raises(SettingsError, match="NAM_CDS_CONSOLE_USERS: users") as refused:
        read_users(written(text, mode))
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="users cannot be read"):
        read_users(tmp_path / "users")


def test_the_command_prints_a_line_that_the_file_takes(written: Callable[..., Path]) -> None:
    result = CliRunner().invoke(main, ["console-password", "ada"], input="a password of twelve\n")
    assert result.exit_code == 0, result.output
    assert "twelve" not in result.output
    assert read_users(written(result.stdout)).right("ada", "a password of twelve")


def test_the_command_makes_up_a_password_and_shows_it_apart(written: Callable[..., Path]) -> None:
    result = CliRunner().invoke(main, ["console-password", "ada", "--generate"])
    password = result.stderr.removeprefix("Password of ada: ").strip()
    assert len(password) >= 20
    assert password not in result.stdout
    assert read_users(written(result.stdout)).right("ada", password)


def test_the_command_puts_the_line_at_the_end_of_a_file_of_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "users"
    for name in ("ada", "mary"):
        result = CliRunner().invoke(main, ["console-password", name, "--file", str(path)], input=PASSWORD)
        assert (result.exit_code, result.output) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(read_users(path).right(name, PASSWORD) for name in ("ada", "mary"))
    failed = CliRunner().invoke(main, ["console-password", "ada", "--file", str(path / "x")], input=PASSWORD)
    assert failed.exit_code == 1
    assert "cannot be written" in failed.output


@pytest.mark.parametrize(
    ("name", "typed", "said"), [("ada", "short\n", "12"), ("ada", "", "12"), ("a:b", PASSWORD, "letters")]
)
def test_the_command_refuses_what_is_no_good(name: str, typed: str, said: str) -> None:
    result = CliRunner().invoke(main, ["console-password", name], input=typed)
    assert result.exit_code == 1
    assert said in result.output
    assert result.stdout == ""
