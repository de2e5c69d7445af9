// An SQS emulator (fauxqs) on loopback alone; its own command would listen on all addresses.
// usage: node sqs.mjs PORT READY   writes the file READY when it answers; SIGTERM ends it.
import { writeFileSync } from "node:fs";
import { buildApp } from "./node_modules/fauxqs/dist/app.js";
import { SqsStore } from "./node_modules/fauxqs/dist/sqs/sqsStore.js";

const [port, ready] = process.argv.slice(2);
const queues = new SqsStore();
queues.host = ""; // URLs of queues name the host that was asked, also behind a proxy
const server = buildApp({ logger: false, stores: { sqsStore: queues } });
process.on("SIGTERM", () => process.exit(0));
await server.listen({ host: "127.0.0.1", port: Number(port) });
writeFileSync(ready, "");
