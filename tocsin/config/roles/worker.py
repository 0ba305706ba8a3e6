"""`tocsin worker`: everything that falls due."""

import os
import signal
import threading

from tocsin.config.options import load
from tocsin.entrypoints.worker import app
from tocsin.lib.children import watch_lifeline


def run() -> int:
    watch_lifeline(os.environ)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    app.run(load(), stop)
    return 0
