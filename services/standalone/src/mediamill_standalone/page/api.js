// The HTTP API, as far as this page uses it. The session cookie identifies the user.

/** A refusal of the API, or a lost connection (`code` is then "network"). */
export class ApiError extends Error {
  constructor({ code = "unknown", detail = "" } = {}, status = 0) {
    super(`${code}: ${detail}`);
    Object.assign(this, { code, detail, status });
  }
}

/** A key that makes a repeated write count once; works on plain HTTP too, where `randomUUID` is missing. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Make a request and return the JSON answer; `key` makes a repeated write count once. */
export async function call(method, path, body, key = newKey()) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (method !== "GET") headers["Idempotency-Key"] = key;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new ApiError({ code: "network", detail: "The server cannot be reached." });
  }
  const json = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(json ?? {}, answer.status);
  return json;
}

export const signIn = (email, password) => call("POST", "/api/auth/login", { email, password });
export const signOut = () => call("POST", "/api/auth/logout");
export const me = async () => (await call("GET", "/api/auth/me")).user;
export const job = (id) => call("GET", `/api/media/jobs/${encodeURIComponent(id)}`);
export const medium = (id) => call("GET", `/api/media/${encodeURIComponent(id)}`);
export const remove = (id) => call("DELETE", `/api/media/${encodeURIComponent(id)}`);
export const restore = (id) => call("POST", `/api/media/${encodeURIComponent(id)}/restore`);
export const timeline = async (id) =>
  (await call("GET", `/api/media/${encodeURIComponent(id)}/timeline`)).items;

/** One page of a user's media: `{items, nextCursor}`. */
export function list(userId, { deleted = false, cursor = null } = {}) {
  const query = new URLSearchParams({ userId, deleted, limit: 24 });
  if (cursor) query.set("cursor", cursor);
  return call("GET", `/api/media?${query}`);
}

/** Upload one file; `onProgress` gets 0–1. `key` makes a second try of the same upload safe. */
export function upload(file, key, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/media");
    request.setRequestHeader("Idempotency-Key", key);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () =>
      request.status < 300
        ? resolve(request.response)
        : reject(new ApiError(request.response ?? {}, request.status));
    request.onerror = () => reject(new ApiError({ code: "network" }));
    const form = new FormData();
    form.append("entityType", "general");
    form.append("file", file, file.name || "pasted.png");
    request.send(form);
  });
}
