// A consumer of the bus: prints each change as a line of JSON, once and none after a newer one of its item.
//
//     node dist/consumer.js QUEUE_URL
//
// It reads the queue until it is stopped (Ctrl-C). A change that cannot be handled ends it, and the queue delivers that change
// again.

import { S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

import type { ChangeEvent, ScorecastEvent } from "./events.js";
import { detailOf, digitsAt, NewestChanges } from "./scorecast.js";

const queueUrl = process.argv[2];
if (queueUrl === undefined) throw new Error("Give the queue's address: node dist/consumer.js QUEUE_URL");
const sqs = new SQSClient({});
const s3 = new S3Client({ forcePathStyle: true });
const handled = new NewestChanges();

async function take(event: ChangeEvent): Promise<void> {
  if (!handled.isNewer(event)) return;
  const detail = await detailOf(event, s3);
  const score = digitsAt(detail, "/new/projectScore") ?? null;
  console.log(JSON.stringify({ id: detail.id, keys: detail.keys, operation: detail.operation, sequence: detail.sequence, score }));
  handled.note(event);
}

async function takeAll(messages: Message[]): Promise<void> {
  const taken: Message[] = [];
  try {
    for (const message of messages) {
      const event = JSON.parse(message.Body!) as ScorecastEvent;
      // A pattern may match standing events too.
      if (event.source !== "standings.scorecast") await take(event);
      taken.push(message);
    }
  } finally {
    const entries = taken.map((message, at) => ({ Id: String(at), ReceiptHandle: message.ReceiptHandle! }));
    if (entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
  }
}

while (true) {
  const { Messages: messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
  );
  await takeAll(messages);
}
