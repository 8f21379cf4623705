"""The command line: each command reads options, calls the library, shows a table or JSON."""

from loihi_sca.cli.app import main

__all__ = ["main"]
