from pathlib import Path

import httpx

from tests.endtoend.harness import TOKEN, Installation, descendants


def test_sigterm_with_live_pages_open_ends_within_ten_seconds_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path / "data").start()
    assert installation.process is not None
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=installation.url, headers=bearer, timeout=30) as client:
        ticket = client.post("/api/v1/stream/ticket").raise_for_status().json()["ticket"]
        with client.stream("GET", "/api/v1/stream", params={"ticket": ticket}) as live:
            assert live.status_code == httpx.codes.OK
            below = descendants(installation.process.pid)
            assert below
            seconds = installation.stop()
    assert seconds < 10
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def test_a_second_start_has_all_data(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data").start()
    try:
        installation.apply("services: [{name: kept}]\n")
        installation.stop()
        installation.start()
        names = [service["name"] for service in installation.api("GET", "services")["items"]]
        assert "kept" in names
    finally:
        installation.stop()
