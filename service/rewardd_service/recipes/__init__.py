"""Recipes: found by name or given inline, checked once, bound to their rules."""

from rewardd_service.recipes.bind import BoundRecipe, BoundTerm, bind
from rewardd_service.recipes.book import RecipeBook, RecipeError

__all__ = ["BoundRecipe", "BoundTerm", "RecipeBook", "RecipeError", "bind"]
