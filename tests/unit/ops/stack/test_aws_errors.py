"""Errors of AWS and its SDK as one sentence with the next step."""

import pytest
from botocore import exceptions as sdk

from scorecast.errors import UserError
from scorecast.ops.stack.aws_errors import explain, explained
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.ops_fakes import refusal


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (sdk.NoCredentialsError(), ExitCode.NO_CREDENTIALS, "aws sso login"),
        (sdk.PartialCredentialsError(provider="env", cred_var="x"), ExitCode.NO_CREDENTIALS, "no AWS credentials"),
        (sdk.UnauthorizedSSOTokenError(), ExitCode.DENIED, "aws sso login"),
        (sdk.NoRegionError(), ExitCode.UNKNOWN_PLACE, "--region"),
        (sdk.ProfileNotFound(profile="x"), ExitCode.UNKNOWN_PLACE, "list-profiles"),
        (
            sdk.EndpointConnectionError(endpoint_url="https://dynamodb.us-nowhere-1.amazonaws.com/"),
            ExitCode.UNKNOWN_PLACE,
            "check --region",
        ),
        (
            sdk.ConnectTimeoutError(endpoint_url="http://localhost:4566/x"),
            ExitCode.ENGINE_NOT_RUNNING,
            "does not answer at http://localhost:4566:",
        ),
        (
            sdk.ReadTimeoutError(endpoint_url="https://sqs.eu-west-1.amazonaws.com/"),
            ExitCode.FAILED,
            "gave no valid answer",
        ),
        (refusal("ExpiredTokenException"), ExitCode.DENIED, "expired"),
        (refusal("SignatureDoesNotMatch"), ExitCode.DENIED, "does not accept these credentials"),
        (refusal("AccessDeniedException", operation="PutRule"), ExitCode.DENIED, "You may not call PutRule: as told."),
        (refusal("ValidationException", "a\n  b."), ExitCode.FAILED, "Operation failed (ValidationException): a b."),
        (sdk.ParamValidationError(report="x is wrong"), ExitCode.FAILED, "x is wrong."),
    ],
)
def test_each_failure_has_its_sentence_and_exit_code(
    error: sdk.ClientError | sdk.BotoCoreError, code: ExitCode, says: str
) -> None:
    explanation = explain(error)
    assert says in str(explanation)
    assert "\n" not in str(explanation)
    assert explanation.exit_code == code


def test_only_awss_errors_are_explained() -> None:
    with pytest.raises(KeyError), explained():
        raise KeyError
    with pytest.raises(UserError), explained():
        raise refusal("AccessDenied")
