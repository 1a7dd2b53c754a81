"""What runs inside jails for unit tests: standard library only, sent there as source."""

__all__: list[str] = []
