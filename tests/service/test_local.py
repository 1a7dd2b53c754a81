from importlib.metadata import entry_points

import httpx2


async def test_the_client_finds_the_service_by_its_entry_point() -> None:
    (entry,) = entry_points(group="rewardd.local", name="app")
    transport = httpx2.ASGITransport(entry.load()())
    body = {"reward": "exact", "samples": [{"completion": "4", "reference": "4"}]}
    async with httpx2.AsyncClient(transport=transport, base_url="http://local") as client:
        reply = await client.post("/v1/score", json=body)
    assert reply.json()["results"][0]["reward"] == 1.0
