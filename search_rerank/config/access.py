"""Settings of who may ask the service, and how often."""

from __future__ import annotations

import ipaddress
import socket
from typing import Annotated, Literal

from pydantic import Field

from search_rerank.config.section import Section


class AccessConfig(Section):
    """API keys and the rate limit of each."""

    keys: Literal["elsewhere", "always", "never"] = "elsewhere"
    """Whether a request needs a key: where the service listens on another address than the
    loopback one, always, or never because what stands in front asks."""
    per_minute: int = Field(6000, ge=1, le=10_000_000)
    """Requests a minute that a key without a limit of its own may make."""

    hosts: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    """Names under which a service on the loopback address is asked beside `localhost`, such as that
    of a proxy on this machine which hands the name on."""

    def needed(self, host: str) -> bool:
        """Return whether a service that listens on an address asks for keys."""
        return self.keys == "always" or (self.keys == "elsewhere" and not is_loopback(host))


def is_loopback(host: str) -> bool:
    """Return whether every address of a host is one that other machines cannot reach."""
    try:
        found = socket.getaddrinfo(host or None, 0, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):  # no host, or no name of one
        return False
    return all(_address(str(place[4][0])).is_loopback for place in found)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # an address of IPv6 may name its interface after a percent sign
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
