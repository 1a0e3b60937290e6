// What happens on the server, as it happens. When the socket is away, pages poll instead; both tell the same.

import { io } from "./vendor/socket.io.esm.min.js";

const REFUSED_PAUSE_MS = 10_000;

/**
 * Listen to the user's events: `handlers` maps event names to functions.
 * `onState` gets true when the socket is there, false when it went; `onExpired` is told when the session is over.
 */
export function listen(handlers, onState, onExpired) {
  let again;
  const socket = io({ transports: ["websocket", "polling"], reconnectionDelayMax: 10_000 });
  socket.on("connect", () => onState(true));
  socket.on("disconnect", (reason) => {
    onState(false);
    if (reason === "io server disconnect") onExpired();
  });
  socket.on("connect_error", (error) => {
    onState(false);
    if (error.data?.code?.startsWith("token_")) onExpired();
    // What was refused is not tried again by itself, as it is where nobody answered.
    else if (!socket.active) again = setTimeout(() => socket.connect(), REFUSED_PAUSE_MS);
  });
  for (const [name, handler] of Object.entries(handlers)) socket.on(name, handler);
  return () => {
    clearTimeout(again);
    socket.disconnect();
  };
}
