"""Inbound mail: where to listen, and with what certificate."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from tocsin.lib.env import Env


@dataclass(frozen=True)
class MailIn:
    host: str
    port: int
    hostname: str
    """What we call ourselves when greeted."""
    certificate: Path | None
    key: Path | None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """STARTTLS is offered with a certificate only. Raises OSError for files that are none."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def read(env: Env, hostname: str) -> MailIn | None:
    """None where TOCSIN_MAIL_IN_BIND is not set: nobody listens for mail then."""
    if not env.text("TOCSIN_MAIL_IN_BIND"):
        return None
    host, port = env.bind("TOCSIN_MAIL_IN_BIND", "127.0.0.1:2525")
    certificate = env.existing_file("TOCSIN_MAIL_IN_CERT")
    key = env.existing_file("TOCSIN_MAIL_IN_KEY")
    given = MailIn(host, port, env.text("TOCSIN_MAIL_IN_HOSTNAME", hostname), certificate, key)
    try:
        _ = given.tls
    except OSError:
        env.problem(
            "S014",
            "TOCSIN_MAIL_IN_CERT and TOCSIN_MAIL_IN_KEY are no certificate with its key.",
            "Give two PEM files that belong together, or neither.",
        )
    return given
