"""The `mediamill` command: what a person or a shell script uses instead of writing a client."""

from mediamill_client.cli.main import main

__all__ = ["main"]
