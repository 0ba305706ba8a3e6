"""The main job with real parts: a rule fires, Alertmanager posts, a mail arrives, its link acknowledges."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests import programs
from tests.endtoend.harness import Installation, eventually
from tocsin.testing.mailbox import Mailbox, free_port

KEY = "a1" * 16

ORGANISATION = f"""
users:
  - email: robin@example.com
    name: Robin
    contact_methods: [{{type: email, address: robin@example.com}}]
    notification_rules: {{high: [{{after: 0m, via: email}}], low: [{{after: 0m, via: email}}]}}
  - email: sam@example.com
    name: Sam
    contact_methods: [{{type: email, address: sam@example.com}}]
    notification_rules: {{high: [{{after: 0m, via: email}}], low: [{{after: 0m, via: email}}]}}
teams:
  - {{name: realparts, members: [robin@example.com, sam@example.com]}}
escalation_policies:
  - name: realparts
    steps:
      - {{notify: [{{user: robin@example.com}}], wait: 8s}}
      - {{notify: [{{user: sam@example.com}}], wait: 1h}}
services:
  - {{name: realparts, team: realparts, escalation_policy: realparts}}
integrations:
  - {{name: realparts-prometheus, kind: alertmanager, service: realparts, key: {KEY}}}
"""


class Broken:
    """A metrics endpoint whose one gauge the test moves."""

    value = 1

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f"checkout_broken {outer.value}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def monitoring(tocsin: Installation, tmp_path: Path) -> Iterator[Broken]:
    """Debian's Prometheus and Alertmanager, pointed at the door as docs/how-to/alertmanager.md says."""
    alertmanager_port, prometheus_port = free_port(), free_port()
    (tmp_path / "alertmanager.yml").write_text(f"""
route: {{receiver: tocsin, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: tocsin
    webhook_configs:
      - {{url: '{tocsin.url}/ingest/alertmanager/{KEY}', send_resolved: true}}
""")
    (tmp_path / "rules.yml").write_text("""
groups:
  - name: checkout
    interval: 1s
    rules:
      - alert: CheckoutBroken
        expr: checkout_broken > 0
        labels: {severity: critical}
        annotations: {summary: "Checkout answers with errors"}
""")
    with Broken() as broken:
        (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager_port}']}}]}}]}}
scrape_configs:
  - {{job_name: checkout, static_configs: [{{targets: ['127.0.0.1:{broken.port}']}}]}}
""")
        commands = [
            ["prometheus-alertmanager", f"--config.file={tmp_path}/alertmanager.yml",
             f"--storage.path={tmp_path}/am", f"--web.listen-address=127.0.0.1:{alertmanager_port}",
             "--cluster.listen-address="],
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/prom",
             f"--web.listen-address=127.0.0.1:{prometheus_port}"],
        ]  # fmt: skip
        log = (tmp_path / "monitoring.log").open("wb")
        processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
        try:
            yield broken
        finally:
            for process in processes:
                process.terminate()
                process.wait(15)
            log.close()


@programs.prometheus
def test_it_mails_the_right_person_whose_link_acknowledges_and_the_alert_resolves(
    tocsin: Installation, mailbox: Mailbox, monitoring: Broken
) -> None:
    tocsin.apply(ORGANISATION)
    mail = mailbox.wait(lambda mail: mail.to == "robin@example.com", 40)
    assert "Checkout answers with errors" in mail.subject
    assert "SEV2" in mail.subject
    assert mail.html

    link = acknowledge_link(mail.links(), tocsin.url)
    assert httpx.get(link).status_code == httpx.codes.OK
    assert tocsin.incidents("service=realparts")[0]["acknowledged_at"] is None, "GET must only show"
    httpx.post(link, data={"do": "acknowledge"}).raise_for_status()
    incident = tocsin.incidents("service=realparts")[0]
    assert incident["acknowledged_at"] is not None

    # Longer than the first step's wait: Sam, the second step, must not be called.
    with pytest.raises(TimeoutError):
        mailbox.wait(lambda mail: mail.to == "sam@example.com", 10)

    monitoring.value = 0
    eventually(lambda: tocsin.incidents("service=realparts&status=resolved"), 40)
    assert httpx.get(link).status_code == httpx.codes.GONE


def acknowledge_link(links: list[str], base: str) -> str:
    return next(link for link in links if link.startswith(f"{base}/a/"))
