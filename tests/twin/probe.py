"""A function that does what it is told, under the role that is to be tried: IAM as the functions meet it."""

import importlib.util
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVICES = ("dynamodb", "events", "sqs", "s3", "firehose", "lambda")
PACKAGES = ("botocore", "urllib3", "jmespath", "dateutil", "six")
CODE = """
import botocore.session
from botocore.exceptions import ClientError

def handle(event, context):
    client = botocore.session.get_session().create_client(event["service"])
    try:
        getattr(client, event["operation"])(**event["parameters"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""
REFUSED = ("AccessDenied", "AccessDeniedException")


class Probe:
    """Tries calls under a role; close() removes the function."""

    def __init__(self, functions: Any, role_arn: str, name: str) -> None:
        self._lambda, self._name = functions, name
        self._lambda.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role_arn,
            Handler="probe.handle",
            Code={"ZipFile": _package()},
            Timeout=30,
        )

    def try_call(self, service: str, operation: str, **parameters: Any) -> str:
        """Return "allowed", or the code of the error that AWS's rules call for."""
        payload = json.dumps({"service": service, "operation": operation, "parameters": parameters})
        answer = self._lambda.invoke(FunctionName=self._name, Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()
        return str(json.loads(answer["Payload"].read()))

    def close(self) -> None:
        self._lambda.delete_function(FunctionName=self._name)


def _package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as package:
        package.writestr("probe.py", CODE)
        for name, file in _files():
            package.write(file, name)
    return buffer.getvalue()


def _files() -> Iterator[tuple[Path, Path]]:
    """The SDK of this environment, with the data of the services that are tried."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin)
        files = root.parent.rglob("*") if spec.submodule_search_locations else [root]
        base = root.parent.parent if spec.submodule_search_locations else root.parent
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and _is_needed(file.relative_to(base)):
                yield file.relative_to(base), file


def _is_needed(name: Path) -> bool:
    is_service_data = name.parts[:2] == ("botocore", "data") and len(name.parts) > 3
    return not is_service_data or name.parts[2] in SERVICES
