"""Where chunks run: behind one protocol, on this machine or on many."""

from rewardd_service.backends.backend import Backend, Deliver

__all__ = ["Backend", "Deliver"]
