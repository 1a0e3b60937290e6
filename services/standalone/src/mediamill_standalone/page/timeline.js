// Everything that happened to one picture, oldest first.

import * as api from "./api.js";
import { byId, element, toast } from "./dom.js";
import { eventName, sentence } from "./sentences.js";

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Open the dialog with a medium's history. */
export async function showTimeline(medium) {
  try {
    const entries = await api.timeline(medium.id);
    byId("timeline-file").textContent = medium.fileName;
    byId("timeline-entries").replaceChildren(...entries.map(row));
    byId("timeline").showModal();
  } catch (error) {
    toast(sentence(error));
  }
}

function row({ name, at, detail, traceId }) {
  const facts = Object.entries(detail ?? {})
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value))
    .map(([key, value]) => `${key}: ${value}`);
  if (traceId) facts.push(`trace ${traceId}`);
  return element(
    "li",
    {},
    element("strong", { textContent: eventName(name) }),
    " ",
    element("time", { dateTime: at, className: "hint", textContent: clock.format(new Date(at)) }),
    element("div", { className: "detail", textContent: facts.join(" · ") }),
  );
}
