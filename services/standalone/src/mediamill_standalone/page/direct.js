// Large files go to S3 in parts, at addresses that the server signs, and are taken up again where they stopped:
// after a lost connection, and after the page was closed, since the browser remembers which upload a file was.

import { ApiError, call } from "./api.js";

const FROM_BYTES = 16 * 1024 * 1024;
const AT_ONCE = 3;
const TRIES = 3;
const PAUSE_MS = 300;
const PATH = "/api/media/upload";
const AWAITED = ["PENDING", "UPLOADED"];
const LOST = ["EXPIRED", "FAILED"];

/** Whether a file is worth it: smaller ones, and those whose type the browser does not know, go as one request. */
export const goesInParts = (file) => file.size >= FROM_BYTES && file.type !== "";

/** Send what S3 does not have yet; `onProgress` gets 0–1. Return `{jobId, mediaId}`. Again, it resumes. */
export async function uploadInParts(file, key, onProgress) {
  const upload = (await remembered(file)) ?? (await begin(file, key));
  const missing = upload.isSent ? [] : partNumbers(upload).filter((number) => !upload.arrived.has(number));
  let sent = file.size - missing.reduce((bytes, number) => bytes + slice(file, upload, number).size, 0);
  const failures = [];
  const worker = async () => {
    while (missing.length > 0 && failures.length === 0) {
      const number = missing.shift();
      const part = slice(file, upload, number);
      await put(upload.uploadId, number, part, () => failures.length > 0);
      sent += part.size;
      onProgress(sent / file.size);
    }
  };
  onProgress(sent / file.size);
  const workers = Array.from({ length: AT_ONCE }, () => worker().catch((error) => failures.push(error)));
  await Promise.all(workers); // nothing is still being sent when this try has failed
  if (failures.length > 0) throw failures[0];
  const medium = await call("POST", `${PATH}/confirm`, { uploadId: upload.uploadId });
  localStorage.removeItem(nameOf(file));
  return { jobId: medium.jobId, mediaId: medium.id };
}

const nameOf = (file) => `upload ${file.name} ${file.size} ${file.lastModified}`;
const partNumbers = ({ partCount }) => Array.from({ length: partCount }, (_, index) => index + 1);
const slice = (file, { partSize }, number) => file.slice((number - 1) * partSize, number * partSize);

/** Return the upload that this file was begun as, unless it is lost; the server may have confirmed it already. */
async function remembered(file) {
  const uploadId = localStorage.getItem(nameOf(file));
  if (uploadId === null) return null;
  try {
    const { status, partSize, partCount, arrivedParts } = await call("GET", `${PATH}/${uploadId}`);
    const arrived = new Set(arrivedParts.map((part) => part.partNumber));
    const isSent = !AWAITED.includes(status);
    if (!LOST.includes(status)) return { uploadId, partSize, partCount, arrived, isSent };
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  localStorage.removeItem(nameOf(file));
  return null;
}

async function begin(file, key) {
  const wish = { fileName: file.name, mimeType: file.type, fileSize: file.size, entityType: "general" };
  const { uploadId, multipart } = await call("POST", `${PATH}/initiate`, wish, key);
  localStorage.setItem(nameOf(file), uploadId);
  return { uploadId, ...multipart, arrived: new Set(), isSent: false };
}

/** Put one part, signed anew for each try; not again once `isOver`. */
async function put(uploadId, number, part, isOver) {
  for (let attempt = 1; ; attempt += 1) {
    const { parts } = await call("POST", `${PATH}/${uploadId}/parts`, { partNumbers: [number] });
    const answer = await fetch(parts[0].url, { method: "PUT", body: part }).catch(() => null);
    if (answer?.ok) return;
    if (attempt === TRIES || isOver()) throw new ApiError({ code: "network" }, answer?.status);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** attempt));
  }
}
