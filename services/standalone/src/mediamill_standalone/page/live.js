// What happens on the server, as it happens. When the socket is away, pages poll instead; both tell the same.

import { io } from "./vendor/socket.io.esm.min.js";

/**
 * Listen to the user's events: `handlers` maps event names to functions.
 * `onState` gets true when the socket is there, false when it went; `onExpired` is told when the session is over.
 */
export function listen(handlers, onState, onExpired) {
  const socket = io({ transports: ["websocket", "polling"], reconnectionDelayMax: 10_000 });
  socket.on("connect", () => onState(true));
  socket.on("disconnect", (reason) => {
    onState(false);
    if (reason === "io server disconnect") onExpired();
  });
  socket.on("connect_error", (error) => {
    onState(false);
    if (error.data?.code?.startsWith("token_")) onExpired();
  });
  for (const [name, handler] of Object.entries(handlers)) socket.on(name, handler);
  return () => socket.disconnect();
}
