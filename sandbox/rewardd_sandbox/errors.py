"""What can fail in the sandbox itself; none of it says anything about a program.

* SandboxError
  - UnavailableError        no tier, or no toolchain: nothing can run until somebody mends it
  - StarvedError            the machine gave the jail no time
  - LostError               a zygote, jail or container went away under us: worth another try
    * WireError             a container said what was not agreed: it is not listened to any more
  - SetupError              the kernel refused a step of a jail's set-up
"""


class SandboxError(Exception):
    """The sandbox itself failed; says nothing about the program."""


class UnavailableError(SandboxError):
    """Nothing can run here; the message names what is missing and what gives it."""


class StarvedError(SandboxError):
    """The jail waited for a processor beyond every extension of its time."""


class LostError(SandboxError):
    """A process of ours died."""


class WireError(LostError):
    """What a container says makes no sense, or is too long."""


class SetupError(SandboxError):
    """The kernel refused a step.

    Attributes:
        step: which; stable words, see `tiers.REMEDIES`.
        errno: as the kernel gave it.
    """

    def __init__(self, step: str, errno: int, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.errno = errno
