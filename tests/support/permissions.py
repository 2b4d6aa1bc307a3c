"""The table of roles and actions: what each role of the template may, what it is refused, and the call that shows it.

test_iam.py makes every call on the twin under the role's own policies; test_permissions.py holds the table against
the template, and the table of docs/security.md against this one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Names = Mapping[str, str]
"""The physical names of the template's resources by their logical ones, and the names of what else calls need."""


@dataclass(frozen=True)
class Call:
    """A call under a role: `action` is what IAM is asked, `on` the resource in words, `operation` is boto3's."""

    role: str
    action: str
    on: str
    operation: str
    parameters: Callable[[Names], dict[str, Any]]


# A name that begins with ConsumerTargetPrefix.
YOURS = "consumer-probe"
KEY = {"id": {"S": "probe"}, "metadata": {"S": "probe"}}
BOARD_KEY = {"collection": {"S": "probe"}, "name": {"S": "probe"}}
INDEX = "hackathonName-projectScore"


def event(bus: str) -> dict[str, Any]:
    return {"Entries": [{"Source": "probe", "DetailType": "probe", "Detail": "{}", "EventBusName": bus}]}


def item(table: str, key: dict[str, Any] = KEY) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"TableName": n[table], "Item": key}


def keyed(table: str, key: dict[str, Any] = KEY) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"TableName": n[table], "Key": key}


def batch(table: str, key: dict[str, Any] = KEY) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"RequestItems": {n[table]: {"Keys": [key]}}}


def update(table: str, key: dict[str, Any] = KEY) -> Callable[[Names], dict[str, Any]]:
    return lambda n: keyed(table, key)(n) | {"UpdateExpression": "REMOVE nothing"}


def scan(table: str) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"TableName": n[table]}


def query(table: str, key: str, **more: str) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"TableName": n[table], "KeyConditionExpression": "#key = :key",
                      "ExpressionAttributeNames": {"#key": key},
                      "ExpressionAttributeValues": {":key": {"S": "probe"}}} | more  # fmt: skip


def message(queue: str) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"QueueUrl": n[queue], "MessageBody": "probe"}


def at_queue(queue: str, **more: Any) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"QueueUrl": n[queue]} | more


def s3(key: str | None = None, **more: Any) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"Bucket": n["BackupBucket"]} | ({"Key": key} if key else {}) | more


def log(group: str, **more: Any) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"logGroupName": n[group], "logStreamName": "probe"} | more


def firehose(name: str | None = None, *, many: bool = False) -> Callable[[Names], dict[str, Any]]:
    record = {"Data": bytes(1024 * 1000 + 1)}  # a byte too large, so that nothing gets into the backup
    records = {"Records": [record]} if many else {"Record": record}
    return lambda n: {"DeliveryStreamName": name or n["BackupStream"]} | records


def rule(name: str | None = None, **more: Any) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"Name": name or n["rule"], "EventBusName": n["EventBus"]} | more


def targets(of: str | None = None, **more: Any) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"Rule": of or n["rule"], "EventBusName": n["EventBus"]} | more


def pointed_at(*arns: Callable[[Names], str]) -> Callable[[Names], dict[str, Any]]:
    return lambda n: targets(Targets=[{"Id": f"probe{at}", "Arn": arn(n)} for at, arn in enumerate(arns)])(n)


def queue_arn(queue: str) -> Callable[[Names], str]:
    return lambda n: f"arn:aws:sqs:us-east-1:{n['account']}:{n.get(queue, queue).rpartition('/')[2]}"


def your_queue(**more: Any) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"QueueUrl": n["FanoutDlq"].rpartition("/")[0] + f"/{YOURS}"} | more


def permission(function: str, principal: str) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"FunctionName": n.get(function, function), "StatementId": "probe",
                      "Action": "lambda:InvokeFunction", "Principal": principal}  # fmt: skip


def topic(name: str, **more: str) -> Callable[[Names], dict[str, Any]]:
    return lambda n: {"TopicArn": f"arn:aws:sns:us-east-1:{n['account']}:{name}"} | more


NOW = {"logEvents": [{"timestamp": 0, "message": "probe"}]}
PATTERN = {"EventPattern": '{"source": ["probe"]}'}

DLQ, QUEUE, BUS = "the dead-letter queue", "ConsumerLambda's queue", "the bus"
MAIN, LEADERBOARD, BOARDS = "the main table", "the leaderboard table", "the board table"
BUCKET, IMAGES, CHANGES = "the backup bucket", "`images/` in the backup", "`changes/` in the backup"
GIVEN_UP = "`aws/lambda/` in the backup"
CONSUMER = "ConsumerLambda"
LOGS, STREAM, BACKUP = "its log group", "the main table's stream", "the backup stream"
ADDED, OURS = "added rules", "the stack's own rules"
OWN_FUNCTIONS = "the stack's own functions"
FUNCTIONS, QUEUES, TOPICS = "`consumer-*` functions", "`consumer-*` queues", "`consumer-*` topics"
IN_FIREHOSE = "`consumer-*` in Firehose"
TO_CONSUMERS = "added rules, at `consumer-*`"

MAY = [
    Call("FanoutRole", "dynamodb:DescribeStream", STREAM, "dynamodbstreams.describe_stream", lambda n: {
        "StreamArn": n["stream"]}),
    Call("FanoutRole", "dynamodb:GetShardIterator", STREAM, "dynamodbstreams.get_shard_iterator", lambda n: {
        "StreamArn": n["stream"], "ShardId": n["shard"], "ShardIteratorType": "LATEST"}),
    Call("FanoutRole", "dynamodb:GetRecords", STREAM, "dynamodbstreams.get_records", lambda n: {
        "ShardIterator": n["iterator"]}),
    Call("FanoutRole", "dynamodb:ListStreams", "streams", "dynamodbstreams.list_streams", lambda n: {}),
    Call("FanoutRole", "events:PutEvents", BUS, "events.put_events", lambda n: event(n["EventBus"])),
    Call("FanoutRole", "s3:PutObject", IMAGES, "s3.put_object", s3("images/probe")),
    # On a condition that does not hold: an object there would become a dead letter.
    Call("FanoutRole", "s3:PutObject", GIVEN_UP, "s3.put_object", s3("aws/lambda/probe", IfMatch="probe")),
    Call("FanoutRole", "s3:ListBucket", BUCKET, "s3.list_objects_v2", s3()),
    Call("FanoutRole", "sqs:SendMessage", DLQ, "sqs.send_message", message("FanoutDlq")),
    Call("FanoutRole", "logs:CreateLogStream", LOGS, "logs.create_log_stream", log("FanoutLogGroup")),
    Call("FanoutRole", "logs:PutLogEvents", LOGS, "logs.put_log_events", log("FanoutLogGroup", **NOW)),
    Call("BackupRuleRole", "firehose:PutRecord", BACKUP, "firehose.put_record", firehose()),
    Call("BackupRuleRole", "firehose:PutRecordBatch", BACKUP, "firehose.put_record_batch", firehose(many=True)),
    Call("BackupStreamRole", "s3:GetBucketLocation", BUCKET, "s3.get_bucket_location", s3()),
    Call("BackupStreamRole", "s3:ListBucket", BUCKET, "s3.list_objects_v2", s3()),
    Call("BackupStreamRole", "s3:ListBucketMultipartUploads", BUCKET, "s3.list_multipart_uploads", s3()),
    Call("BackupStreamRole", "s3:PutObject", BUCKET, "s3.put_object", s3("images/probe")),
    Call("BackupStreamRole", "s3:AbortMultipartUpload", BUCKET, "s3.abort_multipart_upload", s3(
        "images/probe", UploadId="probe")),
    Call("BackupStreamRole", "logs:PutLogEvents", LOGS, "logs.put_log_events", log("BackupLogGroup", **NOW)),
    Call("ConsumerRole", "sqs:ReceiveMessage", QUEUE, "sqs.receive_message", at_queue(
        "ConsumerQueue", VisibilityTimeout=0)),
    Call("ConsumerRole", "sqs:DeleteMessage", QUEUE, "sqs.delete_message", at_queue(
        "ConsumerQueue", ReceiptHandle="probe")),
    Call("ConsumerRole", "sqs:ChangeMessageVisibility", QUEUE, "sqs.change_message_visibility_batch", at_queue(
        "ConsumerQueue", Entries=[{"Id": "probe", "ReceiptHandle": "probe", "VisibilityTimeout": 1}])),
    Call("ConsumerRole", "sqs:GetQueueAttributes", QUEUE, "sqs.get_queue_attributes", at_queue("ConsumerQueue")),
    Call("ConsumerRole", "sqs:SendMessage", DLQ, "sqs.send_message_batch", at_queue(
        "FanoutDlq", Entries=[{"Id": "probe", "MessageBody": "probe"}])),
    Call("ConsumerRole", "dynamodb:BatchGetItem", LEADERBOARD, "dynamodb.batch_get_item", batch("LeaderboardTable")),
    Call("ConsumerRole", "dynamodb:BatchGetItem", BOARDS, "dynamodb.batch_get_item", batch("BoardTable", BOARD_KEY)),
    Call("ConsumerRole", "dynamodb:PutItem", LEADERBOARD, "dynamodb.transact_write_items", lambda n: {
        "TransactItems": [{"Put": item("LeaderboardTable")(n)}]}),
    Call("ConsumerRole", "dynamodb:UpdateItem", LEADERBOARD, "dynamodb.transact_write_items", lambda n: {
        "TransactItems": [{"Update": update("LeaderboardTable")(n)}]}),
    Call("ConsumerRole", "dynamodb:PutItem", BOARDS, "dynamodb.put_item", item("BoardTable", BOARD_KEY)),
    Call("ConsumerRole", "dynamodb:UpdateItem", BOARDS, "dynamodb.transact_write_items", lambda n: {
        "TransactItems": [{"Update": update("BoardTable", BOARD_KEY)(n)}]}),
    Call("ConsumerRole", "dynamodb:DeleteItem", BOARDS, "dynamodb.transact_write_items", lambda n: {
        "TransactItems": [{"Delete": keyed("BoardTable", BOARD_KEY)(n)}]}),
    Call("ConsumerRole", "dynamodb:Query", "the leaderboard's index", "dynamodb.query", query(
        "LeaderboardTable", "hackathonName", IndexName=INDEX)),
    Call("ConsumerRole", "dynamodb:Query", BOARDS, "dynamodb.query", query("BoardTable", "collection")),
    Call("ConsumerRole", "events:PutEvents", BUS, "events.put_events", lambda n: event(n["EventBus"])),
    Call("ConsumerRole", "s3:GetObject", IMAGES, "s3.get_object", s3("images/probe")),
    Call("ConsumerRole", "logs:CreateLogStream", LOGS, "logs.create_log_stream", log("ConsumerLogGroup")),
    Call("ConsumerRole", "logs:PutLogEvents", LOGS, "logs.put_log_events", log("ConsumerLogGroup", **NOW)),
    Call("ClosingScheduleRole", "lambda:InvokeFunction", CONSUMER, "lambda.invoke", lambda n: {
        "FunctionName": n["ConsumerLambda"], "Payload": b'{"announce": "closings"}'}),
    Call("LeaderGetRole", "dynamodb:GetItem", LEADERBOARD, "dynamodb.get_item", keyed("LeaderboardTable")),
    Call("LeaderGetRole", "dynamodb:BatchGetItem", LEADERBOARD, "dynamodb.batch_get_item", batch("LeaderboardTable")),
    Call("LeaderGetRole", "dynamodb:BatchGetItem", BOARDS, "dynamodb.batch_get_item", batch("BoardTable", BOARD_KEY)),
    Call("LeaderGetRole", "dynamodb:Query", LEADERBOARD, "dynamodb.query", query("LeaderboardTable", "id")),
    Call("LeaderGetRole", "dynamodb:Query", "the leaderboard's index", "dynamodb.query", query(
        "LeaderboardTable", "hackathonName", IndexName=INDEX)),
    Call("LeaderGetRole", "dynamodb:Query", "the index of ties", "dynamodb.query", query(
        "LeaderboardTable", "tieBoard", IndexName="tieBoard-tieOrder")),
    Call("LeaderGetRole", "dynamodb:Query", BOARDS, "dynamodb.query", query("BoardTable", "collection")),
    Call("LeaderGetRole", "sqs:SendMessage", DLQ, "sqs.send_message", message("FanoutDlq")),
    Call("LeaderGetRole", "logs:CreateLogStream", LOGS, "logs.create_log_stream", log("LeaderGetLogGroup")),
    Call("LeaderGetRole", "logs:PutLogEvents", LOGS, "logs.put_log_events", log("LeaderGetLogGroup", **NOW)),
    Call("ConsumerTargetRole", "firehose:PutRecord", IN_FIREHOSE, "firehose.put_record", firehose(YOURS)),
    Call("ConsumerTargetRole", "firehose:PutRecordBatch", IN_FIREHOSE, "firehose.put_record_batch", firehose(
        YOURS, many=True)),
    Call("ConsumerTargetRole", "kinesis:PutRecord", "`consumer-*` in Kinesis", "kinesis.put_record", lambda n: {
        "StreamName": YOURS, "Data": b"probe", "PartitionKey": "1"}),
    Call("ConsumerTargetRole", "kinesis:PutRecords", "`consumer-*` in Kinesis", "kinesis.put_records", lambda n: {
        "StreamName": YOURS, "Records": [{"Data": b"probe", "PartitionKey": "1"}]}),
    Call("ConsumerTargetRole", "states:StartExecution", "`consumer-*` in Step Functions",
         "stepfunctions.start_execution", lambda n: {
        "stateMachineArn": f"arn:aws:states:us-east-1:{n['account']}:stateMachine:{YOURS}"}),
    Call("ManageConsumersRole", "events:PutRule", ADDED, "events.put_rule", rule(**PATTERN)),
    Call("ManageConsumersRole", "events:DescribeRule", ADDED, "events.describe_rule", rule()),
    Call("ManageConsumersRole", "events:DisableRule", ADDED, "events.disable_rule", rule()),
    Call("ManageConsumersRole", "events:EnableRule", ADDED, "events.enable_rule", rule()),
    Call("ManageConsumersRole", "events:PutTargets", TO_CONSUMERS, "events.put_targets", pointed_at(queue_arn(YOURS))),
    Call("ManageConsumersRole", "events:ListTargetsByRule", ADDED, "events.list_targets_by_rule", targets()),
    Call("ManageConsumersRole", "events:RemoveTargets", ADDED, "events.remove_targets", targets(Ids=["probe0"])),
    Call("ManageConsumersRole", "events:DeleteRule", ADDED, "events.delete_rule", rule()),
    Call("ManageConsumersRole", "events:ListRules", "rules", "events.list_rules", lambda n: {
        "EventBusName": n["EventBus"]}),
    Call("ManageConsumersRole", "events:TestEventPattern", "patterns", "events.test_event_pattern",
         lambda n: PATTERN | {
        "Event": '{"id": "1", "account": "1", "source": "probe", "time": "2026-01-01T00:00:00Z", "region": "r", '
                 '"resources": [], "detail-type": "probe", "detail": {}}'}),
    Call("ManageConsumersRole", "lambda:AddPermission", FUNCTIONS, "lambda.add_permission",
         permission(YOURS, "events.amazonaws.com")),
    Call("ManageConsumersRole", "lambda:RemovePermission", FUNCTIONS, "lambda.remove_permission",
         lambda n: {"FunctionName": YOURS, "StatementId": "probe"}),
    Call("ManageConsumersRole", "sqs:GetQueueUrl", QUEUES, "sqs.get_queue_url", lambda n: {"QueueName": YOURS}),
    Call("ManageConsumersRole", "sqs:GetQueueAttributes", QUEUES, "sqs.get_queue_attributes", your_queue()),
    Call("ManageConsumersRole", "sqs:SetQueueAttributes", QUEUES, "sqs.set_queue_attributes", your_queue(
        Attributes={})),
    Call("ManageConsumersRole", "sns:GetTopicAttributes", TOPICS, "sns.get_topic_attributes", topic(YOURS)),
    Call("ManageConsumersRole", "sns:SetTopicAttributes", TOPICS, "sns.set_topic_attributes", topic(
        YOURS, AttributeName="DisplayName", AttributeValue="probe")),
    Call("ManageConsumersRole", "cloudformation:DescribeStacks", "this stack", "cloudformation.describe_stacks",
         lambda n: {"StackName": n["stack"]}),
    Call("ManageConsumersRole", "s3:GetObject", BUCKET, "s3.get_object", s3("images/probe")),
    Call("ManageConsumersRole", "s3:ListBucket", BUCKET, "s3.list_objects_v2", s3()),
]  # fmt: skip

# What the twin cannot show.
UNTRIED = {
    ("ManageConsumersRole", "iam:PassRole"): "the twin asks nobody for it, nor does it know iam:PassedToService",
}

MAY_NOT = [
    Call("FanoutRole", "events:PutEvents", "another bus", "events.put_events", lambda n: event("default")),
    Call("FanoutRole", "events:PutRule", BUS, "events.put_rule", rule("probe", **PATTERN)),
    Call("FanoutRole", "sqs:ReceiveMessage", DLQ, "sqs.receive_message", at_queue("FanoutDlq")),
    Call("FanoutRole", "sqs:SendMessage", QUEUE, "sqs.send_message", message("ConsumerQueue")),
    Call("FanoutRole", "dynamodb:Scan", MAIN, "dynamodb.scan", scan("MainTable")),
    Call("FanoutRole", "dynamodb:PutItem", MAIN, "dynamodb.put_item", item("MainTable")),
    Call("FanoutRole", "s3:GetObject", GIVEN_UP, "s3.get_object", s3("aws/lambda/probe")),
    Call("FanoutRole", "s3:PutObject", CHANGES, "s3.put_object", s3("changes/probe")),
    Call("FanoutRole", "s3:GetObject", IMAGES, "s3.get_object", s3("images/probe")),
    Call("FanoutRole", "s3:DeleteObject", IMAGES, "s3.delete_object", s3("images/probe")),
    Call("FanoutRole", "logs:PutLogEvents", "another log group", "logs.put_log_events", log(
        "LeaderGetLogGroup", **NOW)),
    Call("BackupRuleRole", "firehose:PutRecord", "another stream", "firehose.put_record", firehose(YOURS)),
    Call("BackupRuleRole", "s3:PutObject", BUCKET, "s3.put_object", s3("images/probe")),
    Call("BackupStreamRole", "s3:GetObject", BUCKET, "s3.get_object", s3("images/probe")),
    Call("BackupStreamRole", "s3:DeleteObject", BUCKET, "s3.delete_object", s3("images/probe")),
    Call("BackupStreamRole", "s3:DeleteBucketPolicy", BUCKET, "s3.delete_bucket_policy", s3()),
    Call("BackupStreamRole", "logs:PutLogEvents", "another log group", "logs.put_log_events", log(
        "LeaderGetLogGroup", **NOW)),
    Call("ConsumerRole", "dynamodb:DeleteItem", LEADERBOARD, "dynamodb.transact_write_items", lambda n: {
        "TransactItems": [{"Delete": keyed("LeaderboardTable")(n)}]}),
    Call("ConsumerRole", "dynamodb:Query", LEADERBOARD, "dynamodb.query", query("LeaderboardTable", "id")),
    Call("ConsumerRole", "dynamodb:Scan", LEADERBOARD, "dynamodb.scan", scan("LeaderboardTable")),
    Call("ConsumerRole", "dynamodb:DeleteTable", LEADERBOARD, "dynamodb.delete_table", scan("LeaderboardTable")),
    Call("ConsumerRole", "dynamodb:BatchGetItem", MAIN, "dynamodb.batch_get_item", batch("MainTable")),
    Call("ConsumerRole", "dynamodb:PutItem", MAIN, "dynamodb.put_item", item("MainTable")),
    Call("ConsumerRole", "events:PutEvents", "another bus", "events.put_events", lambda n: event("default")),
    Call("ConsumerRole", "sqs:SendMessage", QUEUE, "sqs.send_message", message("ConsumerQueue")),
    Call("ConsumerRole", "sqs:ReceiveMessage", DLQ, "sqs.receive_message", at_queue("FanoutDlq")),
    Call("ConsumerRole", "s3:GetObject", CHANGES, "s3.get_object", s3("changes/probe")),
    Call("ConsumerRole", "s3:PutObject", IMAGES, "s3.put_object", s3("images/probe")),
    Call("ClosingScheduleRole", "lambda:InvokeFunction", "other functions", "lambda.invoke", lambda n: {
        "FunctionName": n["LeaderGet"]}),
    Call("ClosingScheduleRole", "events:PutEvents", BUS, "events.put_events", lambda n: event(n["EventBus"])),
    Call("LeaderGetRole", "dynamodb:PutItem", LEADERBOARD, "dynamodb.put_item", item("LeaderboardTable")),
    Call("LeaderGetRole", "dynamodb:UpdateItem", BOARDS, "dynamodb.update_item", update("BoardTable", BOARD_KEY)),
    Call("LeaderGetRole", "dynamodb:Scan", LEADERBOARD, "dynamodb.scan", scan("LeaderboardTable")),
    Call("LeaderGetRole", "dynamodb:GetItem", MAIN, "dynamodb.get_item", keyed("MainTable")),
    Call("LeaderGetRole", "sqs:ReceiveMessage", DLQ, "sqs.receive_message", at_queue("FanoutDlq")),
    Call("LeaderGetRole", "events:PutEvents", BUS, "events.put_events", lambda n: event(n["EventBus"])),
    Call("LeaderGetRole", "s3:ListBucket", BUCKET, "s3.list_objects_v2", s3()),
    Call("LeaderGetRole", "s3:GetObject", IMAGES, "s3.get_object", s3("images/probe")),
    Call("ConsumerTargetRole", "firehose:PutRecord", BACKUP, "firehose.put_record", firehose()),
    Call("ConsumerTargetRole", "firehose:PutRecordBatch", BACKUP, "firehose.put_record_batch", firehose(many=True)),
    Call("ConsumerTargetRole", "kinesis:PutRecord", "other streams", "kinesis.put_record", lambda n: {
        "StreamName": "yours", "Data": b"probe", "PartitionKey": "1"}),
    Call("ConsumerTargetRole", "states:StartExecution", "other state machines", "stepfunctions.start_execution",
         lambda n: {"stateMachineArn": f"arn:aws:states:us-east-1:{n['account']}:stateMachine:yours"}),
    Call("ConsumerTargetRole", "sqs:SendMessage", DLQ, "sqs.send_message", message("FanoutDlq")),
    Call("ConsumerTargetRole", "lambda:InvokeFunction", "functions", "lambda.invoke", lambda n: {
        "FunctionName": n["LeaderGet"]}),
    Call("ConsumerTargetRole", "events:PutEvents", BUS, "events.put_events", lambda n: event(n["EventBus"])),
    Call("ManageConsumersRole", "events:PutRule", OURS, "events.put_rule", rule("fanout-LeaderboardRule", **PATTERN)),
    Call("ManageConsumersRole", "events:DeleteRule", OURS, "events.delete_rule", rule("fanout-LeaderboardRule")),
    Call("ManageConsumersRole", "events:PutEvents", BUS, "events.put_events", lambda n: event(n["EventBus"])),
    Call("ManageConsumersRole", "events:PutTargets", "added rules, at the stack's own queues", "events.put_targets",
         pointed_at(queue_arn("ConsumerQueue"))),
    Call("ManageConsumersRole", "events:PutTargets", "added rules, at other names", "events.put_targets",
         pointed_at(queue_arn("probe"))),
    Call("ManageConsumersRole", "events:PutTargets", "added rules, at one of both", "events.put_targets",
         pointed_at(queue_arn(YOURS), queue_arn("probe"))),
    Call("ManageConsumersRole", "lambda:AddPermission", "`consumer-*` functions, for others", "lambda.add_permission",
         permission(YOURS, "s3.amazonaws.com")),
    Call("ManageConsumersRole", "lambda:AddPermission", OWN_FUNCTIONS, "lambda.add_permission",
         permission("LeaderGet", "events.amazonaws.com")),
    Call("ManageConsumersRole", "lambda:RemovePermission", OWN_FUNCTIONS, "lambda.remove_permission",
         lambda n: {"FunctionName": n["LeaderGet"], "StatementId": "probe"}),
    Call("ManageConsumersRole", "lambda:AddPermission", "other functions", "lambda.add_permission",
         permission("probe", "events.amazonaws.com")),
    Call("ManageConsumersRole", "sqs:SetQueueAttributes", DLQ, "sqs.set_queue_attributes", at_queue(
        "FanoutDlq", Attributes={"VisibilityTimeout": "30"})),
    Call("ManageConsumersRole", "sqs:SetQueueAttributes", QUEUE, "sqs.set_queue_attributes", at_queue(
        "ConsumerQueue", Attributes={"VisibilityTimeout": "180"})),
    Call("ManageConsumersRole", "sns:SetTopicAttributes", "other topics", "sns.set_topic_attributes", topic(
        "probe", AttributeName="DisplayName", AttributeValue="probe")),
    Call("ManageConsumersRole", "lambda:InvokeFunction", "functions", "lambda.invoke", lambda n: {
        "FunctionName": n["LeaderGet"]}),
    Call("ManageConsumersRole", "sqs:ReceiveMessage", DLQ, "sqs.receive_message", at_queue("FanoutDlq")),
    Call("ManageConsumersRole", "dynamodb:Scan", MAIN, "dynamodb.scan", scan("MainTable")),
    Call("ManageConsumersRole", "s3:PutObject", BUCKET, "s3.put_object", s3("images/probe")),
]  # fmt: skip
