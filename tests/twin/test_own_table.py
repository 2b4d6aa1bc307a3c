"""A stack for an existing table and an existing bus, behind an edge cache: other key names, an id that is a number."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PARAMETERS = {
    "IdAttribute": "player",
    "MetadataAttribute": "kind",
    "ScoreAttribute": "points",
    "BoardAttribute": "game",
    "NameAttribute": "nick",
    "ShowAttributes": "team,level,captain",
    "EventBusName": "theirBus",
    "EventBusExists": "true",
    "EdgeCache": "true",
    "ApiAccess": "key",
}


def make_table(dynamodb: Any, name: str) -> str:
    """Make a table with a stream; return the stream's ARN."""
    table = dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "player", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "player", "KeyType": "HASH"}, {"AttributeName": "kind", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(table["TableDescription"]["LatestStreamArn"])


def forget_seven(scorecast: Scorecast) -> None:
    """Erase a participant whose id is a number, by another spelling of it."""
    eventually(lambda: finds(scorecast, {"items": 1, "entries": 1, "snapshots": 1, "backupLines": 1}))
    erased = scorecast.json("forget", "7.0", "--yes", "--stack", "theirs")
    assert (erased["id"], erased["complete"]) == ("7", True)
    assert erased["erased"] == {"items": 1, "entries": 1, "snapshots": 1, "backupLines": 2}
    finds(scorecast, {})


def finds(scorecast: Scorecast, found: dict[str, int]) -> None:
    assert scorecast.json("forget", "7", "--dry-run", "--stack", "theirs")["found"] == found


def edge_of(stack: Stack) -> str:
    """Check the edge cache against the outputs; return its id."""
    distributions = stack.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    [edge] = [one for one in distributions if stack.outputs["EdgeUrl"] == f"https://{one['DomainName']}/"]
    [origin] = edge["Origins"]["Items"]
    assert stack.outputs["PageUrl"] == f"https://{origin['DomainName']}{origin['OriginPath']}/"
    policy = edge["DefaultCacheBehavior"]["CachePolicyId"]
    key = stack.client("cloudfront").get_cache_policy(Id=policy)["CachePolicy"]["CachePolicyConfig"]
    assert key["ParametersInCacheKeyAndForwardedToOrigin"]["QueryStringsConfig"]["QueryStringBehavior"] == "all"
    return str(edge["Id"])


def deploy(stack: Stack, parameters: dict[str, str]) -> None:
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    stack.sam("deploy", "--stack-name", "theirs", "--no-confirm-changeset", "--parameter-overrides", *overrides)


def boards(scorecast: Scorecast) -> list[str]:
    """The boards as the command line reads them, with the stack's key or signed."""
    return [one["hackathonName"] for one in scorecast.json("top", "--stack", "theirs")["boards"]]


def check_readers(stack: Stack, scorecast: Scorecast) -> None:
    """A board is shown to the keys that its policy names, and to everybody again."""
    for readers, status in (("0therk3y", 404), (f"0therk3y,{stack.outputs['ApiKeyId']}", 200), ("everybody", 200)):
        scorecast.json("boards", "set", "chess", "--readers", readers, "--stack", "theirs")
        assert stack.get("leaderBoard/", hackathonName="chess")[0] == status


def with_its_key(stack: Stack) -> Stack:
    """The stack, asked with its API key; without one it answers nothing but the page."""
    for headers in ({}, {"x-api-key": "guessed"}):
        assert replace(stack, headers=headers).get("leaderBoard/")[0] == 403
    assert stack.get_text()[0] == 200
    key = stack.client("apigateway").get_api_key(apiKey=stack.outputs["ApiKeyId"], includeValue=True)
    return replace(stack, headers={"x-api-key": key["value"]})


def test_a_stack_follows_a_table_that_exists_and_is_deleted_without_touching_it(
    stack: Stack, scorecast: Scorecast
) -> None:
    dynamodb = stack.client("dynamodb")
    table = f"theirs-{uuid.uuid4()}"
    stream_arn = make_table(dynamodb, table)
    stack.client("events").create_event_bus(Name=PARAMETERS["EventBusName"])
    parameters = PARAMETERS | {"DynamoDBStreamArn": stream_arn}
    deploy(stack, parameters)
    theirs = with_its_key(stack.beside("theirs"))
    assert theirs.outputs["MainTableName"] == table
    for player, points in (("7", "12.5"), ("8", "99")):
        item = {"player": {"N": player}, "kind": {"S": "entry"}, "game": {"S": "chess"}, "points": {"N": points}}
        item |= {"nick": {"S": f"nick{player}"}, "team": {"S": f"team{player}"}}
        dynamodb.put_item(TableName=table, Item=item | {"level": {"N": player}, "captain": {"BOOL": player == "8"}})

    def shown() -> None:
        status, body = theirs.get("leaderBoard/", hackathonName="chess")
        assert status == 200
        assert [(entry["rank"], entry["id"], entry["userName"]) for entry in body["entries"]] == [
            (1, "8", "nick8"),
            (2, "7", "nick7"),
        ]
        assert [entry["attributes"] for entry in body["entries"]] == [
            {"captain": True, "level": 8, "team": "team8"},
            {"captain": False, "level": 7, "team": "team7"},
        ]

    eventually(shown)
    edge = edge_of(theirs)
    assert boards(scorecast) == ["chess"]
    check_readers(theirs, scorecast)
    forget_seven(scorecast)
    stack.sam("delete", "--stack-name", "theirs", "--no-prompts")
    with pytest.raises(stack.client("cloudfront").exceptions.NoSuchDistribution):
        stack.client("cloudfront").get_distribution(Id=edge)
    assert dynamodb.scan(TableName=table, Select="COUNT")["Count"] == 1
    assert stack.client("events").describe_event_bus(Name=PARAMETERS["EventBusName"])["Name"] == "theirBus"


def test_an_open_api_can_be_closed_to_requests_that_are_not_signed(stack: Stack, scorecast: Scorecast) -> None:
    parameters = {"EventBusName": "signedBus"}
    deploy(stack, parameters)
    assert stack.beside("theirs").get("leaderBoard/")[0] == 200
    deploy(stack, parameters | {"ApiAccess": "iam"})
    theirs = stack.beside("theirs")
    for headers in ({}, signed_by(theirs, theirs.outputs["ManageConsumersRoleArn"])):
        assert replace(theirs, headers=headers).get_text()[0] == 403
    assert boards(scorecast) == []
    stack.sam("delete", "--stack-name", "theirs", "--no-prompts")


def signed_by(stack: Stack, role: str) -> dict[str, str]:
    """The headers of a request for the page that a role signs."""
    session = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    keys = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    request = AWSRequest("GET", stack.api)
    SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)
    return dict(request.headers)
