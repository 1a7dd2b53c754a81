"""Plain values on their way into and out of a jail; see `inside.codec`, which this makes public."""

from rewardd_sandbox.inside.codec import MAX_BYTES, UnsupportedError, decode, encode

__all__ = ["MAX_BYTES", "UnsupportedError", "decode", "encode"]
