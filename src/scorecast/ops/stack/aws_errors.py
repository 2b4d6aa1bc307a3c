"""Turns errors of AWS and its SDK into one sentence with the next step and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard
from urllib.parse import urlsplit

from botocore import exceptions as sdk

from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.local_engine import typed

LOOPBACK = ("127.0.0.1", "localhost", "::1")

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_NOT_ACCEPTED = {
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
_SSO = (sdk.SSOError, sdk.SSOTokenLoadError, sdk.TokenRetrievalError, sdk.UnauthorizedSSOTokenError)
_MISSING = (sdk.NoCredentialsError, sdk.PartialCredentialsError, sdk.CredentialRetrievalError)
_UNREACHABLE = (sdk.ConnectionError, sdk.HTTPClientError)


@contextmanager
def explained() -> Iterator[None]:
    """Raise errors of AWS and its SDK as UserErrors."""
    try:
        yield
    except (sdk.ClientError, sdk.BotoCoreError) as error:
        raise explain(error) from error


def is_of_sdk(error: Exception) -> TypeGuard[sdk.ClientError | sdk.BotoCoreError]:
    """Whether the SDK raised this error."""
    return isinstance(error, (sdk.ClientError, sdk.BotoCoreError))


def explain(error: sdk.ClientError | sdk.BotoCoreError) -> UserError:
    """Say in one sentence what went wrong and what to do next."""
    match error:
        case sdk.ClientError():
            return _refused(error)
        case sdk.ProfileNotFound():
            return _unknown_place(f"{_sentence(error)} `aws configure list-profiles` names the existing ones.")
        case sdk.NoRegionError():
            return _unknown_place("No AWS region is set: add --region, or set AWS_REGION.")
        case sdk.InvalidRegionError() | sdk.UnknownRegionError():
            return _unknown_place(f"{_sentence(error)} Name a region such as us-east-1 with --region.")
    if isinstance(error, _SSO):
        return UserError(f"Your AWS sign-in has ended: {_sentence(error)} Run `aws sso login`.", ExitCode.DENIED)
    if isinstance(error, _MISSING):
        return UserError(_NO_CREDENTIALS, ExitCode.NO_CREDENTIALS)
    if isinstance(error, _UNREACHABLE):
        return _unreachable(error)
    return UserError(_sentence(error), ExitCode.FAILED)


def aws_code_of(error: sdk.ClientError) -> str:
    """Return AWS's own code of an error, such as AccessDenied."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: sdk.ClientError) -> str:
    """Return AWS's own message as a sentence."""
    message = str(error.response.get("Error", {}).get("Message") or aws_code_of(error) or "no reason was given")
    return " ".join(message.split()).rstrip(".") + "."


_NO_CREDENTIALS = (
    "There are no AWS credentials: sign in (`aws sso login`, `aws configure`) or add --profile; "
    "for the local twin omit --region and unset AWS_PROFILE."
)


def _refused(error: sdk.ClientError) -> UserError:
    code, message = aws_code_of(error), message_of(error)
    if code in _EXPIRED:
        return UserError(f"Your AWS credentials have expired ({code}): sign in again.", ExitCode.DENIED)
    if code in _NOT_ACCEPTED:
        return UserError(f"AWS does not accept these credentials ({code}): {message}", ExitCode.DENIED)
    if code in _DENIED:
        return UserError(f"You may not call {error.operation_name}: {message}", ExitCode.DENIED)
    return UserError(f"{error.operation_name} failed ({code}): {message}", ExitCode.FAILED)


def _unreachable(error: sdk.BotoCoreError) -> UserError:
    endpoint = str(getattr(error, "kwargs", {}).get("endpoint_url") or "")
    address = urlsplit(endpoint)
    if address.hostname in LOOPBACK:
        engine = f"{address.scheme}://{address.netloc}"
        message = f"The local engine does not answer at {engine}: start it with `{typed('up')}`."
        return UserError(message, ExitCode.ENGINE_NOT_RUNNING)
    if isinstance(error, sdk.EndpointConnectionError):
        return _unknown_place(f"{endpoint} cannot be reached: check --region and the network.")
    return UserError(f"AWS gave no valid answer: {_sentence(error)} Try again.", ExitCode.FAILED)


def _unknown_place(message: str) -> UserError:
    return UserError(message, ExitCode.UNKNOWN_PLACE)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") + "."
