"""A client without a model, for commands that read whole tables.

boto3 interprets a model of DynamoDB for every attribute that it reads, which took most of `verify`'s time.
"""

from __future__ import annotations

from typing import Any

from scorecast.runtime.aws import SERVICES, Client, connect


def json_client_of(client: Any, credentials: Any) -> Client:
    """Make a client of the functions' kind for the same service, and with the same settings, as a boto3 client.

    Binary values are base64, as in AWS's JSON.
    """
    config, endpoint = client.meta.config, client.meta.endpoint_url.rstrip("/") + "/"
    connections = connect(
        endpoint, config.max_pool_connections, read_timeout_s=config.read_timeout, proxies=config.proxies
    )
    service = SERVICES[client.meta.service_model.service_name]
    attempts = config.retries["total_max_attempts"]
    return Client(service, endpoint, client.meta.region_name, credentials, connections, attempts)
