"""The group of commands. Each is loaded when it is called, so that `--help` and `serve` are quick."""

from importlib import import_module

import click

COMMANDS = {
    "serve": "serve",
    "services": "services",
    "call": "call",
    "selftest": "selftest",
    "explain": "explain",
    "timeline": "timeline",
    "seed": "seed",
    "synthesize": "synthesize",
    "check-knowledge": "check_knowledge",
    "database": "database",
    "feedback": "feedback",
    "console-password": "console_password",
    "cohort": "cohort",
    "diff": "diff",
}
"""Each command's name and its module."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"cds_service.cli.{COMMANDS[cmd_name]}").command
        assert isinstance(command, click.Command)  # nosec B101  # narrows a type
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 all is well, 1 something went wrong (a message says what), 2 the command was not understood. "
    "diff alone: 0 no differences, 1 differences, 2 something went wrong.",
)
@click.version_option(package_name="nam-cds", message="%(prog)s %(version)s")
def main() -> None:
    """Decision support for necrotizing autoimmune myopathy, over CDS Hooks and FHIR R4.

    Not reviewed by a clinician. Supports, does not replace, clinical judgement.
    """
