// Queues the photos of one run (a JSON line on standard input) and answers, as a JSON line, when each was
// queued and done, in Unix seconds.
import { createInterface } from "node:readline";
import { Queue, QueueEvents } from "bullmq";

const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };
const queue = new Queue("photos", { connection });
const events = new QueueEvents("photos", { connection });
queue.setMaxListeners(0); // every waiting photo listens
events.setMaxListeners(0);
await events.waitUntilReady();

for await (const line of createInterface({ input: process.stdin })) {
  const { photos, folder } = JSON.parse(line);
  const results = await Promise.all(
    photos.map(async (source) => {
      const queued = Date.now() / 1000;
      const job = await queue.add("render", { source, folder });
      return [queued, await job.waitUntilFinished(events)];
    }),
  );
  console.log(JSON.stringify(results));
}
await events.close();
await queue.close();
