"""The command line: `nam-cds`."""

from cds_service.cli.main import main

__all__ = ["main"]
