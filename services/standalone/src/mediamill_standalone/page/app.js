// The page: signing in and out, and handing what the user and the server do to those who show it.

import * as api from "./api.js";
import { byId } from "./dom.js";
import { Library } from "./library.js";
import { listen } from "./live.js";
import { sentence } from "./sentences.js";
import { Uploads } from "./uploads.js";

const library = new Library({ onExpired: () => showSignIn() });
const uploads = new Uploads({
  onFinished: (mediaId) => library.refresh(mediaId),
  onExpired: () => showSignIn(),
});
let stopListening = null;

async function start() {
  try {
    await showStudio(await api.me());
  } catch {
    showSignIn();
  }
}

async function showStudio(user) {
  byId("sign-in").hidden = true;
  byId("studio").hidden = byId("account").hidden = false;
  byId("who").textContent = user.email ?? user.id;
  stopListening?.();
  stopListening = listen(
    {
      "media:progress": (event) => uploads.progress(event),
      "media:processed": (event) => uploads.finished(event),
      "media:ready": ({ mediaId }) => library.refresh(mediaId),
      "media:failed": ({ mediaId }) => library.refresh(mediaId),
      "media:deleted": ({ mediaId }) => library.refresh(mediaId),
      "media:restored": ({ mediaId }) => library.refresh(mediaId),
    },
    showLive,
    showSignIn,
  );
  await library.open(user.id);
}

/** Ask to sign in; again while that is shown: nothing, or the focus would leave the field that is typed in. */
function showSignIn() {
  stopListening?.();
  stopListening = null;
  if (!byId("sign-in").hidden) return;
  byId("studio").hidden = byId("account").hidden = true;
  byId("sign-in").hidden = false;
  byId("email").focus();
}

function showLive(live) {
  byId("live").textContent = live ? "live" : "reconnecting";
  byId("live").classList.toggle("on", live);
  uploads.setLive(live);
}

byId("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  button.disabled = true;
  byId("sign-in-error").textContent = "";
  try {
    const { user } = await api.signIn(byId("email").value, byId("password").value);
    byId("password").value = "";
    await showStudio(user);
  } catch (error) {
    byId("sign-in-error").textContent = sentence(error);
  } finally {
    button.disabled = false;
  }
});

byId("sign-out").addEventListener("click", async () => {
  await api.signOut().catch(() => {});
  uploads.clear();
  showSignIn();
});

byId("picker").addEventListener("change", (event) => {
  uploads.add(event.target.files);
  event.target.value = "";
});

addEventListener("paste", (event) => {
  if (byId("studio").hidden || event.clipboardData.files.length === 0) return;
  event.preventDefault();
  uploads.add(event.clipboardData.files);
});

for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", event.dataTransfer.types.includes("Files"));
  });
}
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) byId("drop").classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  if (!byId("studio").hidden) uploads.add(event.dataTransfer.files);
});

start();
