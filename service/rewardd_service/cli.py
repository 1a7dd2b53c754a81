"""The `rewardd` command."""


def main() -> None:
    """Run the command line."""
