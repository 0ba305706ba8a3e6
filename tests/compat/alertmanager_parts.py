"""Debian's Prometheus and amtool against a running installation."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.endtoend.harness import Installation
from tests.endtoend.test_alertmanager_pages import Broken
from tocsin.testing.mailbox import free_port


def amtool(tocsin: Installation, key: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["amtool", f"--alertmanager.url={tocsin.url}/alertmanager/{key}", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def said(tocsin: Installation, key: str, *words: str) -> Any:
    """What amtool prints as JSON."""
    done = amtool(tocsin, key, *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def prometheus(
    folder: Path, tocsin: Installation, key: str, broken: Broken, replicas: Sequence[str]
) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """One process for each replica, all with the same rule, pointed straight here."""
    (folder / "rules.yml").write_text("""
groups:
  - name: checkout
    interval: 1s
    rules:
      - alert: CheckoutBroken
        expr: checkout_broken > 0
        labels: {severity: critical}
        annotations: {summary: "Checkout answers with errors", runbook_url: "https://wiki.example.com/checkout"}
      - alert: Watchdog
        expr: vector(1)
        labels: {severity: none}
""")
    processes = []
    with (folder / "prometheus.log").open("wb") as log:
        try:
            for replica in replicas:
                file = folder / f"{replica}.yml"
                file.write_text(f"""
global:
  scrape_interval: 1s
  evaluation_interval: 1s
  external_labels: {{cluster: eu1, prometheus_replica: {replica}}}
rule_files: [{folder}/rules.yml]
alerting:
  alertmanagers:
    - path_prefix: /alertmanager/{key}
      static_configs: [{{targets: ['127.0.0.1:{tocsin.port}']}}]
scrape_configs:
  - {{job_name: checkout, static_configs: [{{targets: ['127.0.0.1:{broken.port}']}}]}}
""")
                words = [
                    "prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder}/{replica}",
                    f"--web.listen-address=127.0.0.1:{free_port()}", "--rules.alert.resend-delay=1s",
                ]  # fmt: skip
                processes.append(subprocess.Popen(words, stdout=log, stderr=log))
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait(15)
