"""Ask a rewardd server for rewards."""

from rewardd_client.schema import (
    Filter,
    GroupResult,
    GroupRule,
    Message,
    Recipe,
    Result,
    RuleResult,
    Sample,
    ScoreRequest,
    ScoreResponse,
    Term,
    TermResult,
)

__all__ = [
    "Filter",
    "GroupResult",
    "GroupRule",
    "Message",
    "Recipe",
    "Result",
    "RuleResult",
    "Sample",
    "ScoreRequest",
    "ScoreResponse",
    "Term",
    "TermResult",
]
