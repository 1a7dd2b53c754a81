"""How often things are done over Redis, and how long they may take."""

from dataclasses import dataclass
from typing import Final

LIST_SECONDS: Final = 600
"""How long replies wait for their gateway."""
REFERENCE_SECONDS: Final = 7200
"""How long a large reference is kept after its last use: longer than any deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Seconds, all of them; tests hurry.

    Attributes:
        idle: after which an entry that nobody keeps claimed goes to another worker.
        block: that one read waits for something to come; below `socket`.
        socket: that any command may take.
        probe: between two questions whether Redis takes writes.
        probe_answer: that such an answer may take.
        down: without an answer that mean an outage.
        sweep: between two looks at whether what was sent is still there.
        beat: between two signs of life of a worker.
        forget: after which a worker without one is forgotten.
        grace: that chunks wait for a worker when the last one has gone.
        refused: before a chunk that a worker has refused is sent again.
        reply: that a worker tries to hand in its reply.
        drain: that a worker which is told to go has for what runs.
    """

    idle: float = 15.0
    block: float = 1.0
    socket: float = 2.0
    probe: float = 1.0
    probe_answer: float = 0.8
    down: float = 2.0
    sweep: float = 1.0
    beat: float = 3.0
    forget: float = 10.0
    grace: float = 10.0
    refused: float = 0.25
    reply: float = 60.0
    drain: float = 30.0
