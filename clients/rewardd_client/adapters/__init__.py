"""One module per trainer, in its own dialect; none imports another."""
