"""`tocsin worker`: everything that falls due."""

import os
import signal
import threading
from typing import NoReturn

from tocsin.config import messengers
from tocsin.config.options import load
from tocsin.entrypoints.worker import app
from tocsin.lib.children import leave, watch_lifeline


def run() -> NoReturn:
    watch_lifeline(os.environ)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    # Beside the work: it must not wait for a vendor that is away.
    threading.Thread(target=messengers.listen, args=(load(),), daemon=True).start()
    app.run(load(), stop)
    leave()
