"""Gateway, workers and command line of rewardd."""
