"""What can only be said of all samples of one prompt: length rules, filters, advantages."""

from rewardd_verifiers.groups.advantages import ADVANTAGES, Advantage
from rewardd_verifiers.groups.filters import FILTERS, GroupFilter, Keep
from rewardd_verifiers.groups.member import Member
from rewardd_verifiers.groups.rules import RULES, GroupRule

__all__ = [
    "ADVANTAGES",
    "FILTERS",
    "RULES",
    "Advantage",
    "GroupFilter",
    "GroupRule",
    "Keep",
    "Member",
]
