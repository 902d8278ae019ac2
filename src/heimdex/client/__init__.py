"""A typed client of the HTTP service.

from heimdex.client import Client

with Client("http://127.0.0.1:8765") as client:
    for hit in client.search("red car at night").hits:
        print(hit.path, hit.start, hit.end)
"""

from heimdex.client.client import Client
from heimdex.client.problems import ServiceError

__all__ = ["Client", "ServiceError"]
