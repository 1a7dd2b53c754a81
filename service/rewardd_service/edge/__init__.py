"""What stands between a socket and the scorer: keys, bodies, room, replays, slow clients."""
