"""A small client of the service: typed answers, retries, time limits, and its key."""

from service.client.client import Client
from service.client.transport import ClientError, Unreachable

__all__ = ["Client", "ClientError", "Unreachable"]
