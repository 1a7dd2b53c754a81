"""Run chunks on any number of machines, over Redis Streams.

FastStream and Redis are for transport; fairness, bounds, deadlines and cancellation stay in the
gateway. A chunk is an entry of its need's stream. A worker's slot takes it, keeps it claimed while
it runs, pushes the reply to the list of the gateway that asked, then acknowledges and deletes it:
the length of a stream is what is queued and running. Who dies leaves an entry that idles, and is
claimed by another. The gateway owns each chunk until it has an answer: the first one counts.
"""

from rewardd_service.backends.redis.archive import RedisArchive
from rewardd_service.backends.redis.gateway import RedisBackend
from rewardd_service.backends.redis.node import WorkerNode

__all__ = ["RedisArchive", "RedisBackend", "WorkerNode"]
