"""The `rewardd` command."""

from rewardd_service.cli.root import main

__all__ = ["main"]
