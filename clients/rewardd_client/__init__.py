"""Ask a rewardd server for rewards."""

from rewardd_client.async_client import AsyncClient
from rewardd_client.batch import Batch
from rewardd_client.client import Client
from rewardd_client.errors import (
    ClosedError,
    MissingPackageError,
    ProtocolError,
    RequestError,
    RewarddError,
    ServerFault,
    Unavailable,
    Unscored,
)
from rewardd_client.local import local
from rewardd_client.schema import (
    FieldError,
    Filter,
    GroupResult,
    GroupRule,
    JobState,
    Message,
    Problem,
    Recipe,
    RecipeList,
    Result,
    RuleResult,
    Sample,
    ScoreRequest,
    ScoreResponse,
    Term,
    TermResult,
    VerifierCard,
    VerifierList,
)
from rewardd_client.settings import Settings

__all__ = [
    "AsyncClient",
    "Batch",
    "Client",
    "ClosedError",
    "FieldError",
    "Filter",
    "GroupResult",
    "GroupRule",
    "JobState",
    "Message",
    "MissingPackageError",
    "Problem",
    "ProtocolError",
    "Recipe",
    "RecipeList",
    "RequestError",
    "Result",
    "RewarddError",
    "RuleResult",
    "Sample",
    "ScoreRequest",
    "ScoreResponse",
    "ServerFault",
    "Settings",
    "Term",
    "TermResult",
    "Unavailable",
    "Unscored",
    "VerifierCard",
    "VerifierList",
    "local",
]
