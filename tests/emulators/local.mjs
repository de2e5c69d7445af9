// Another SQS emulator (local-aws-sqs): it speaks the Query protocol too, knows no newer names, and is wrong
// in other places than fauxqs (wrong depths, no lock of FIFO groups).
// usage: node local.mjs PORT READY   writes the file READY when it answers; SIGTERM ends it.
import { writeFileSync } from "node:fs";
import sqs from "local-aws-sqs";

const [port, ready] = process.argv.slice(2);
process.on("SIGTERM", () => process.exit(0));
const server = await sqs.createSqsServer({ port: Number(port), hostname: "127.0.0.1", accountId: "000000000000" });
server.on("error", () => process.exit(1));
writeFileSync(ready, "");
