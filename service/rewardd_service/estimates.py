"""How long a job of each verifier is expected to take, learnt from the jobs before it."""

FIRST_SECONDS = 0.005
_WEIGHT = 0.1
"""Of the newest job in the moving average: a burst of slow samples counts within ten jobs."""


class Estimates:
    """An exponentially weighted moving average of seconds per verifier."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def of(self, verifier: str) -> float:
        """Return the expected seconds of one job."""
        return self._seconds.get(verifier, FIRST_SECONDS)

    def learn(self, verifier: str, seconds: float) -> None:
        """Take the seconds of a job that was done."""
        known = self._seconds.get(verifier, FIRST_SECONDS)
        self._seconds[verifier] = known + _WEIGHT * (seconds - known)
