"""The Python client: talks to a server's HTTP API and imports nothing else of suanli."""

from suanli.sdk.client import Client, Malformed, Refused, ServerError

__all__ = ["Client", "Malformed", "Refused", "ServerError"]
