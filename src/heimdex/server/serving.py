"""The service as a process: uvicorn around the application."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import uvicorn

from heimdex.app import Heimdex
from heimdex.errors import UsageError
from heimdex.server.application import create_app
from heimdex.server.options import ServerOptions

GRACE_S = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8765


def listen(address: Address) -> socket.socket:
    """A socket that listens. Raises UsageError where the address is taken or none of this machine's."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # With the protocol named: asyncio sends small packets at once (TCP_NODELAY) only where it knows that it
    # is TCP, and the body of an answer would wait 40 ms for the receipt of its head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {address.host} port {address.port} ({error}); choose others"
        ) from error
    listener.listen(128)
    return listener


def serve(heimdex: Heimdex, listener: socket.socket, options: ServerOptions) -> None:
    """Answer requests until the process is asked to end; what is under way is finished within 10 s."""
    config = uvicorn.Config(
        create_app(heimdex, options),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[listener])
