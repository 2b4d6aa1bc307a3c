// Scorecast in a CDK app: its template as a nested stack, which follows a table of the app's own.
// The argument is what `sam package` writes in the root of the repository; docs/deploy-to-aws.md has the commands.

import { App, CfnOutput, CfnStack, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, StreamViewType, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Asset } from "aws-cdk-lib/aws-s3-assets";

const packaged = process.argv[2] ?? "../../packaged.yaml";

const app = new App();
const stack = new Stack(app, "Hackathon");
const table = new TableV2(stack, "Participants", {
  partitionKey: { name: "id", type: AttributeType.STRING },
  sortKey: { name: "metadata", type: AttributeType.STRING },
  dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
  removalPolicy: RemovalPolicy.RETAIN,
});
const template = new Asset(stack, "ScorecastTemplate", { path: packaged });
const scorecast = new CfnStack(stack, "Scorecast", {
  templateUrl: template.httpUrl,
  parameters: { DynamoDBStreamArn: table.tableStreamArn },
});
new CfnOutput(stack, "Page", { value: scorecast.getAtt("Outputs.PageUrl").toString() });
app.synth();
