// Connects with the official client and prints what happens, one JSON object a line, until standard input ends.
//
//   node client.js '{"url": "http://127.0.0.1:8002", "token": "…", "transports": ["websocket"]}'
//
// Commands on standard input, one JSON object a line: {"emit": "name", "bytes": 100000}, {"disconnect": true}.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const options = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const socket = io(options.url, {
  auth: options.token ? { token: options.token } : undefined,
  transports: options.transports,
  extraHeaders: options.headers,
  reconnectionDelay: 100,
  reconnectionDelayMax: 300,
});

socket.on("connect", () => say({ type: "connect", transport: socket.io.engine.transport.name }));
socket.on("connect_error", (error) =>
  say({ type: "connect_error", message: error.message, data: error.data ?? null }),
);
socket.on("disconnect", (reason) => say({ type: "disconnect", reason }));
socket.onAny((name, payload) => say({ type: "event", name, payload }));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    if (command.emit) socket.emit(command.emit, "x".repeat(command.bytes ?? 0));
    if (command.disconnect) socket.disconnect();
  })
  .on("close", () => {
    socket.disconnect();
    process.exit(0);
  });
