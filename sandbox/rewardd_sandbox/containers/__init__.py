"""Jails inside containers: the local sandbox as a container's one process, and its far end here."""
