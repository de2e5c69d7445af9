// A producer as applications write it with AWS' own SDK: sends each line of standard input,
// {"queue": URL, "body": TEXT, "attributes": {…}, "group": TEXT, "id": TEXT}, in tens.
// usage: node producer.mjs ENDPOINT <LINES
import { readFileSync } from "node:fs";
import { SQSClient, SendMessageBatchCommand } from "@aws-sdk/client-sqs";

const client = new SQSClient({
  region: "us-east-1",
  endpoint: process.argv[2],
  credentials: { accessKeyId: "AKIAREEVETEST", secretAccessKey: "reeve-test-secret" },
});
const queues = new Map();
for (const line of readFileSync(0, "utf8").split("\n").filter((text) => text)) {
  const message = JSON.parse(line);
  if (!queues.has(message.queue)) queues.set(message.queue, []);
  queues.get(message.queue).push(message);
}
for (const [url, messages] of queues) {
  for (let at = 0; at < messages.length; at += 10) {
    const reply = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: messages.slice(at, at + 10).map((message, index) => ({
          Id: String(index),
          MessageBody: message.body,
          MessageAttributes: Object.fromEntries(
            Object.entries(message.attributes ?? {}).map(([name, value]) => [
              name,
              { DataType: "String", StringValue: value },
            ]),
          ),
          MessageGroupId: message.group,
          MessageDeduplicationId: message.id,
        })),
      }),
    );
    if (reply.Failed?.length) throw new Error(JSON.stringify(reply.Failed));
  }
}
client.destroy();
