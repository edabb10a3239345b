"""`nam-cds console-password`: a line for the file of those who may use the console."""

import os
import secrets
import sys
from pathlib import Path

import click

from cds_service.cli.http import Failure
from cds_service.console.users import line
from cds_service.settings import variable_of


@click.command(
    epilog="""\b
Examples:
  nam-cds console-password ada --generate
  nam-cds console-password ada --generate --file console-users
"""
)
@click.argument("name")
@click.option("--generate", is_flag=True, help="Make up a password and show it, on standard error, this once.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Put the line at the end of this file in place of printing it; a new file can be read by its owner alone.",
)
def command(name: str, *, generate: bool, file: Path | None) -> None:
    """Print the line of a user for the file of NAM_CDS_CONSOLE_USERS: the name, and the password as a hash.

    The password is asked for without being shown, or read from standard input where that is no terminal.
    """
    if generate:
        password = secrets.token_urlsafe(18)
        click.echo(f"Password of {name}: {password}", err=True)
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        written = line(name, password)
    except ValueError as error:
        raise Failure(
            str(error), f"Nothing was written. The line belongs in the file of {variable_of('console_users')}."
        ) from None
    if file is None:
        click.echo(written)
        return
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "a", encoding="utf-8") as users:
            users.write(f"{written}\n")
    except OSError as error:
        raise Failure(f"{file} cannot be written ({error.strerror}).") from None
