import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tocsin.lib.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]


def test_two_hosts_that_start_at_once_make_one_schema_and_one_login(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "data", {"fsync": "off"})
    cluster.start()
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TOCSIN_DATABASE_URL": cluster.url,
        "TOCSIN_SECRET_KEY": "the same on all hosts, as the settings say",
    }
    starts = [
        subprocess.Popen(
            [sys.executable, "-m", "tocsin", "migrate", "--first-run", "--json"],
            env=environ,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [start.communicate(timeout=120)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0]
    made = [json.loads(output.splitlines()[-1]) for output in outputs]
    assert sorted(bool(each["password"]) for each in made) == [False, True]
    assert sorted(each["loaded"] for each in made) == [False, True]
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute("SELECT count(*) FROM identity_user WHERE role = 'owner'").fetchone()
    assert row == (1,)
    cluster.stop()
