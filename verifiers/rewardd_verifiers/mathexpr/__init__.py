"""All of mathematics: read an answer into a tree, compare two trees."""
