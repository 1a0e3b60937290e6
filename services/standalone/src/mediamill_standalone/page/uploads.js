// Files on their way: a row each, from the first byte to the finished picture.

import * as api from "./api.js";
import { goesInParts, uploadInParts } from "./direct.js";
import { announce, byId, element, size } from "./dom.js";
import { sentence } from "./sentences.js";

const AT_ONCE = 3;
const POLL_MS = 2000;
const POLL_LIVE_MS = 15_000;
const STAYS_MS = 4000;
const STAGES = { started: "Processing", decoded: "Making sizes", encoded: "Storing", retrying: "Trying again" };

/** The list of uploads. `onFinished(mediaId)` is told of what polling found, `onExpired` of an ended session. */
export class Uploads {
  #waiting = [];
  #sending = 0;
  #processing = new Map();
  #live = false;
  #timer = null;
  #callbacks;

  constructor(callbacks) {
    this.#callbacks = callbacks;
  }

  /** Take files in; a few are sent at a time, in the order they were given. */
  add(files) {
    for (const file of files) {
      const upload = new Upload(file);
      upload.retry = () => this.#enqueue(upload);
      byId("uploads").prepend(upload.row);
      this.#enqueue(upload);
    }
  }

  /** An event of the server: how far a job is. */
  progress({ jobId, progress, stage }) {
    this.#processing.get(jobId)?.processed(progress, stage);
  }

  /** An event of the server: the job has ended. */
  finished({ jobId, success, error }) {
    const upload = this.#processing.get(jobId);
    if (!upload) return;
    this.#processing.delete(jobId);
    if (success) upload.done();
    else upload.failed(error);
  }

  /** Forget all of them: what the next user of this page sees is not for others' eyes. */
  clear() {
    this.#waiting = [];
    this.#processing.clear();
    byId("uploads").replaceChildren();
  }

  /** Tell whether events come by themselves; without them, and after a gap, jobs are asked for. */
  setLive(live) {
    this.#live = live;
    this.#pollSoon(0);
  }

  #enqueue(upload) {
    upload.queued();
    this.#waiting.push(upload);
    this.#sendNext();
  }

  async #sendNext() {
    if (this.#sending >= AT_ONCE || this.#waiting.length === 0) return;
    this.#sending += 1;
    const upload = this.#waiting.shift();
    try {
      const { jobId } = await send(upload.file, upload.key, (part) => upload.sent(part));
      this.#processing.set(jobId, upload);
      upload.processed(0, "started");
      this.#pollSoon(this.#live ? 500 : POLL_MS);
    } catch (error) {
      upload.failed(error);
      if (error.status === 401) this.#callbacks.onExpired();
    } finally {
      this.#sending -= 1;
      this.#sendNext();
    }
  }

  #pollSoon(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), delay);
  }

  async #poll() {
    for (const jobId of [...this.#processing.keys()]) {
      const job = await api.job(jobId).catch((error) => ({ refusal: error }));
      if (job.refusal?.status === 401) {
        this.#callbacks.onExpired();
        break;
      }
      if (job.refusal?.status === 404) this.finished({ jobId, success: false, error: job.refusal });
      else if (job.finishedAt) {
        const error = job.error ?? { code: job.status };
        this.finished({ jobId, success: job.status === "completed", error });
        this.#callbacks.onFinished(job.mediaId);
      } else if (!job.refusal) this.progress({ ...job, stage: job.status === "retrying" ? "retrying" : "started" });
    }
    if (this.#processing.size) this.#pollSoon(this.#live ? POLL_LIVE_MS : POLL_MS);
  }
}

/** Whether the same upload may succeed later: nobody has judged the file. */
const mayPass = (error) => error?.code === "network" || error?.status >= 500 || [408, 429].includes(error?.status);

/** Send a large file to S3 in parts where there is S3, and any other in one request to the server. */
async function send(file, key, onProgress) {
  if (goesInParts(file)) {
    try {
      return await uploadInParts(file, key, onProgress);
    } catch (error) {
      if (error.code !== "s3_not_enabled") throw error;
    }
  }
  return api.upload(file, key, onProgress);
}

/** One file and its row. The bar's first half is the sending, its second half the processing. */
class Upload {
  retry = null;

  constructor(file) {
    this.file = file;
    this.key = api.newKey();
    this.bar = element("progress", { max: 100, value: 0, ariaLabel: `Progress of ${file.name}` });
    this.state = element("span", { className: "state" });
    this.row = element(
      "li",
      {},
      element("span", { className: "name", textContent: file.name || "Pasted picture", title: file.name }),
      this.state,
      this.bar,
    );
  }

  queued() {
    this.row.className = "";
    this.row.querySelector("button")?.remove();
    this.bar.hidden = false;
    this.#show(0, `Waiting · ${size(this.file.size)}`);
  }

  sent(part) {
    this.#show(part * 50, `Sending ${Math.round(part * 100)} %`);
  }

  processed(percent, stage) {
    this.#show(Math.max(this.bar.value, 50 + percent / 2), STAGES[stage] ?? "Processing");
  }

  done() {
    this.#show(100, "Ready");
    announce(`${this.file.name}: ready`);
    this.row.className = "done";
    setTimeout(() => this.row.remove(), STAYS_MS);
  }

  failed(error) {
    this.row.className = "failed";
    this.bar.hidden = true;
    this.state.textContent = sentence(error);
    announce(`${this.file.name}: ${sentence(error)}`);
    const again = mayPass(error);
    const label = again ? "Try again" : "Dismiss";
    const act = () => (again ? this.retry() : this.row.remove());
    this.row.append(element("button", { type: "button", textContent: label, onclick: act }));
  }

  #show(value, text) {
    this.bar.value = value;
    this.state.textContent = text;
  }
}
