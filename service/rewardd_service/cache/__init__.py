"""Judge equal jobs once: while one of them runs, and after."""

from rewardd_service.cache.keys import JobKeys
from rewardd_service.cache.memory import Memory
from rewardd_service.cache.policy import shared_in_flight, taken_over, twins_allowed
from rewardd_service.cache.twins import Claim, Twins
from rewardd_service.cache.verdicts import ASKED_FROM_SECONDS, Question, Shelf, VerdictCache

__all__ = [
    "ASKED_FROM_SECONDS",
    "Claim",
    "JobKeys",
    "Memory",
    "Question",
    "Shelf",
    "Twins",
    "VerdictCache",
    "shared_in_flight",
    "taken_over",
    "twins_allowed",
]
