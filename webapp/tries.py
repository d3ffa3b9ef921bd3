"""How often a client named a wrong token, counted by all workers together.

A client's failures are the bytes of a file below the instance path, and its age is the time since
the last of them. Adding a byte is atomic and takes no lock, and a client that never failed has no
file: a right token costs one look, and a flood of wrong ones keeps nobody from the database.
"""

import logging
import os
import time
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address
from pathlib import Path

from .errors import TooManyRequests
from .language import N_

LIMIT = 10
SECONDS = 300
NONE = (0, 0.0)

log = logging.getLogger(__name__)


class Tries:
    """The failures of all clients, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, address: str) -> None:
        """Raise `TooManyRequests` if a client has failed too often, whatever it sends now."""
        count, age = _read(self._path(address))
        if count >= LIMIT:
            raise TooManyRequests(
                N_("Too many wrong tokens came from this address; try again later."),
                retry_after=SECONDS - int(age),
            )

    def add(self, address: str) -> None:
        """Count one more failure."""
        path = self._path(address)
        try:
            if _read(path) == NONE:
                path.unlink(missing_ok=True)
            self.folder.mkdir(exist_ok=True)
            with path.open("ab") as file:
                file.write(b".")
        except OSError as error:
            log.error("A wrong token from %s could not be counted: %s", address, error)
            return
        if _read(path)[0] == LIMIT:
            log.warning("Wrong tokens from %s: it is refused for %s s", address, SECONDS)

    def forget(self) -> None:
        """Remove the files of those whose failures count no more."""
        for path in self.folder.glob("*"):
            if _read(path) == NONE:
                path.unlink(missing_ok=True)

    def _path(self, address: str) -> Path:
        return self.folder / sha256(client(address).encode()).hexdigest()[:32]


def client(address: str) -> str:
    """Return whom an address stands for: in IPv6, where one has very many, its network."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((ip, 64), strict=False))


def _read(path: Path) -> tuple[int, float]:
    """Return how many failures count, and the seconds since the last."""
    try:
        found = os.stat(path)
    except OSError:  # most have none; where none can be written, `add` says so
        return NONE
    age = time.time() - found.st_mtime
    return (found.st_size, age) if 0 <= age < SECONDS else NONE
