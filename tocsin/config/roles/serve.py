"""`tocsin serve`: pages, API, ingest and live streams on one port."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import click
import uvicorn

from tocsin.config import asgi
from tocsin.config.options import Options, load
from tocsin.config.supervisor import LISTEN_FD, listen
from tocsin.config.wire import limits
from tocsin.lib.children import leave, watch_lifeline

# Requests that are still running when the streams have ended.
_GRACE_S: Final = 4
_CONNECTIONS: Final = 16_384


class _Server(uvicorn.Server):
    """uvicorn, with its signals left to us: open streams are told to end before it waits for them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run() -> NoReturn:
    watch_lifeline(os.environ)
    options = load()
    try:
        listening = _listening(options)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {options.bind_host}:{options.bind_port} ({error.strerror})."
        ) from error
    _allow_many_connections()
    root = asgi.build(options)
    server = _Server(_configuration(options, root))
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve(server, root, listening))
        leave()


async def _serve(server: uvicorn.Server, root: asgi.Root, listening: socket.socket) -> None:
    def end() -> None:
        server.should_exit = True
        root.close()

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, end)
    await root.start()
    warming = loop.run_in_executor(None, asgi.warm)
    try:
        await server.serve(sockets=[listening])
    finally:
        await root.stop()
        await warming


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(_CONNECTIONS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listening(options: Options) -> socket.socket:
    if number := os.environ.get(LISTEN_FD):
        return socket.socket(fileno=int(number))
    return listen(options.bind_host, options.bind_port)


def _configuration(options: Options, root: asgi.Root) -> uvicorn.Config:
    return uvicorn.Config(
        root,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in options.trusted_proxies],
        timeout_graceful_shutdown=_GRACE_S,
        backlog=2048,
        **limits(),
    )
