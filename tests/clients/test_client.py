from typing import TYPE_CHECKING

from rewardd_client import Client

if TYPE_CHECKING:
    from tests.clients.conftest import FakeServer


def test_results_keep_the_order_of_the_samples(server: "FakeServer") -> None:
    server.backwards = True
    samples = [{"completion": str(n), "reference": str(n % 2), "id": f"s{n}"} for n in range(8)]

    with Client(server.url) as client:
        batch = client.score(samples, reward="exact")

    assert batch.rewards == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert [result.id for result in batch] == [f"s{n}" for n in range(8)]
