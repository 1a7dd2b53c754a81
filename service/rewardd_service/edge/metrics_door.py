"""Who may look at the numbers: this machine, or who has their key."""

import ipaddress
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.requests import Request

from rewardd_service.edge.auth import presented_key, same_secret
from rewardd_service.edge.refusal import EdgeRefusalError


@dataclass(frozen=True)
class MetricsDoor:
    """The rule for /metrics, on gateways and on workers.

    Attributes:
        key: opens it beyond loopback; None if nothing does.
        open: lets anybody look who can connect.
    """

    key: SecretStr | None
    open: bool

    def check(self, request: Request) -> None:
        """Let a request pass.

        Raises:
            EdgeRefusalError: it comes from elsewhere, and has no key.
        """
        if self.open or _from_loopback(request) or self._has_key(request):
            return
        raise EdgeRefusalError(
            "unauthorized",
            "/metrics asks for its own key beyond loopback: REWARDD_METRICS_KEY",
            headers={"WWW-Authenticate": 'Bearer realm="rewardd"'},
        )

    def _has_key(self, request: Request) -> bool:
        presented = presented_key(request.headers.get("authorization"))
        return self.key is not None and same_secret(presented, self.key.get_secret_value())


def _from_loopback(request: Request) -> bool:
    """Return whether this machine asks; a Unix socket has no address, and is this machine."""
    if request.client is None:
        return True
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
