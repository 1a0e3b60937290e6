// sharp + BullMQ as people write it: one job a photo, one pipeline a variant, all variants at once.
import path from "node:path";
import { Worker } from "bullmq";
import sharp from "sharp";

const { redisPort, variants, quality, effort, concurrency } = JSON.parse(process.argv[2]);

async function render({ data: { source, folder } }) {
  const stem = path.parse(source).name;
  await Promise.all(
    variants.map(([name, side, extension]) =>
      sharp(source)
        .rotate()
        .resize({ width: side, height: side, fit: "inside", withoutEnlargement: true })
        .webp({ quality, effort, force: false })
        .jpeg({ quality, force: false })
        .toFile(path.join(folder, `${stem}_${name}.${extension}`)),
    ),
  );
  return Date.now() / 1000;
}

const worker = new Worker("photos", render, {
  connection: { host: "127.0.0.1", port: redisPort, maxRetriesPerRequest: null },
  concurrency,
});
worker.on("failed", (job, error) => console.error(`job ${job?.id} failed: ${error.stack}`));
process.once("SIGTERM", () => worker.close().then(() => process.exit(0)));
