"""Somebody who searches all the time, whatever else goes on."""

from __future__ import annotations

import threading

from heimdex.client import Client
from heimdex.errors import HeimdexError


class Asker(threading.Thread):
    """Searches through a service, ten times a second; `failed` tells what searches failed of."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address, self.enough = address, threading.Event()
        self.answered, self.failed = 0, list[str]()

    def run(self) -> None:
        """Ask until it is enough."""
        with Client(self.address) as client:
            while not self.enough.wait(0.1):
                try:
                    client.search("a photo", nearest=True)
                    self.answered += 1
                except HeimdexError as error:
                    self.failed.append(str(error))

    def end(self) -> None:
        """No more."""
        self.enough.set()
        self.join()
