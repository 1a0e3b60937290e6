// The user's pictures: cards with a placeholder first, then the picture and links to its variants.

import * as api from "./api.js";
import { byId, element, size, toast } from "./dom.js";
import { sentence } from "./sentences.js";
import { drawPlaceholder } from "./thumbhash.js";
import { showTimeline } from "./timeline.js";

const CARD_WIDTH = 480;

/** The grid, showing either the library or the trash. */
export class Library {
  #userId = null;
  #trash = false;
  #cursor = null;
  #cards = new Map();

  #onExpired;

  /** `onExpired` is told when the session is over. */
  constructor({ onExpired }) {
    this.#onExpired = onExpired;
    byId("show-library").addEventListener("click", () => this.#show(false));
    byId("show-trash").addEventListener("click", () => this.#show(true));
    byId("more").addEventListener("click", () => this.#load());
  }

  /** Show the library of a user. */
  open(userId) {
    this.#userId = userId;
    return this.#show(false);
  }

  /** Fetch one medium again and show it where it belongs now; without an answer it stays as it is shown. */
  async refresh(id) {
    try {
      this.#place(await api.medium(id));
    } catch (error) {
      if (error.status === 404) this.#drop(id);
      if (error.status === 401) this.#onExpired();
    }
  }

  async #show(trash) {
    this.#trash = trash;
    this.#cursor = null;
    this.#cards.clear();
    byId("grid").replaceChildren();
    byId("show-library").setAttribute("aria-pressed", String(!trash));
    byId("show-trash").setAttribute("aria-pressed", String(trash));
    await this.#load();
  }

  async #load() {
    const trash = this.#trash;
    try {
      const page = await api.list(this.#userId, { deleted: trash, cursor: this.#cursor });
      if (trash !== this.#trash) return;
      this.#cursor = page.nextCursor;
      page.items.forEach((medium) => this.#put(medium, "append"));
    } catch (error) {
      this.#tell(error);
    }
    byId("more").hidden = !this.#cursor;
    this.#showEmpty();
  }

  #place(medium) {
    if (Boolean(medium.deletedAt) === this.#trash) this.#put(medium, "prepend");
    else this.#drop(medium.id);
  }

  #put(medium, where) {
    const card = this.#card(medium);
    const present = this.#cards.get(medium.id);
    if (present) present.replaceWith(card);
    else byId("grid")[where](card);
    this.#cards.set(medium.id, card);
    this.#showEmpty();
  }

  #drop(id) {
    this.#cards.get(id)?.remove();
    this.#cards.delete(id);
    this.#showEmpty();
  }

  #showEmpty() {
    byId("empty").hidden = this.#cards.size > 0;
    byId("empty").textContent = this.#trash ? "The trash is empty." : "Nothing here yet. Add your first picture above.";
  }

  #card(medium) {
    const name = element("p", { className: "name", textContent: medium.fileName, title: medium.fileName });
    return element(
      "li",
      { className: "card" },
      picture(medium),
      element("div", { className: "about" }, name, facts(medium), variantLinks(medium), this.#actions(medium)),
    );
  }

  #actions(medium) {
    const button = (textContent, onclick) =>
      element("button", { type: "button", textContent, onclick, ariaLabel: `${textContent}: ${medium.fileName}` });
    return element(
      "div",
      { className: "actions" },
      button("History", () => showTimeline(medium)),
      medium.deletedAt
        ? button("Restore", () => this.#restore(medium.id))
        : button("Delete", () => this.#delete(medium.id)),
    );
  }

  async #delete(id) {
    try {
      const left = await api.remove(id);
      if (left.status === "purging") {
        this.#drop(id);
        toast("Deleted for good.");
      } else {
        this.#place(left);
        toast("Moved to the trash.", () => this.#restore(id));
      }
    } catch (error) {
      this.#tell(error);
    }
  }

  async #restore(id) {
    try {
      this.#place(await api.restore(id));
      toast("Restored.");
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error) {
    toast(sentence(error));
    if (error.status === 401) this.#onExpired();
  }
}

function picture(medium) {
  const box = element("div", { className: "picture" });
  if (medium.dominantColor) box.style.backgroundColor = medium.dominantColor;
  const variants = bySize(medium).filter(({ mediaType }) => mediaType.startsWith("image/"));
  const source = variants.find(({ width }) => width >= CARD_WIDTH) ?? variants.at(-1);
  if (!source || medium.deletedAt) {
    box.append(element("span", { textContent: STATES[medium.status] ?? "Not shown" }));
  }
  if (medium.thumbhash) {
    const canvas = element("canvas", { ariaHidden: "true" });
    drawPlaceholder(canvas, medium.thumbhash, medium.width / medium.height);
    box.append(canvas);
  }
  if (source && !medium.deletedAt) {
    const image = element("img", { alt: medium.alt ?? medium.title ?? "", loading: "lazy", decoding: "async" });
    image.addEventListener("load", () => image.classList.add("loaded"));
    image.src = source.url;
    box.append(image);
  }
  return box;
}

const bySize = ({ variants }) => [...variants].sort((a, b) => a.width - b.width);

const STATES = { FAILED: "Could not be processed", EXPIRED: "Never arrived", READY: "" };

function facts(medium) {
  if (medium.error) return element("p", { className: "error", textContent: sentence(medium.error) });
  const pixels = medium.width ? `${medium.width} × ${medium.height} · ` : "";
  const length = medium.durationMs ? `${duration(medium.durationMs)} · ` : "";
  return element("p", { className: "hint", textContent: pixels + length + size(medium.sizeBytes) });
}

/** Return milliseconds as minutes and seconds, like 2:05. */
function duration(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function variantLinks(medium) {
  if (medium.deletedAt || medium.variants.length === 0) return null;
  const link = ({ name, url, width, height, mediaType, sizeBytes }) => {
    const title = `${width} × ${height}, ${mediaType}, ${size(sizeBytes)}`;
    return element("li", {}, element("a", { href: url, target: "_blank", rel: "noopener", title, textContent: name }));
  };
  return element("ul", { className: "variants", ariaLabel: "Sizes" }, ...bySize(medium).map(link));
}
