// Building elements from text only: nothing that comes from a user is ever parsed as HTML.

/** Return the element with this id. */
export const byId = (id) => document.getElementById(id);

/** Make an element; `on*` properties are listeners, strings among the children become text. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

let hiding;

/** Say something in passing; with `undo`, offer to take it back. */
export function toast(text, undo) {
  const box = byId("toast");
  const button = undo && element("button", { type: "button", textContent: "Undo" });
  button?.addEventListener("click", () => {
    box.hidden = true;
    undo();
  });
  box.replaceChildren(text, ...(button ? [button] : []));
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (box.hidden = true), 8000);
}

/** Tell those who listen to the page instead of looking at it: outcomes only, percentages would never end. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Bytes for people. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
