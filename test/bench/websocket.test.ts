/** The server's half of WebSocket: frames in all sizes and pieces, control frames, and clients that break the rules. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { acceptWebSocket } from "../../src/bench/websocket.ts";
import { clientFrame, WsClient } from "../support/ws-client.ts";

let server: Server;
let port = 0;
const got: { readonly text: string; readonly bytes: number }[] = [];

beforeAll(async () => {
  server = createServer();
  server.on("upgrade", (request, socket, head) => {
    acceptWebSocket(request, socket, head, ({ text, bytes, atMs }, send) => {
      expect(atMs).toBeLessThanOrEqual(performance.now());
      got.push({ text, bytes });
      send(text.toUpperCase());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe("acceptWebSocket", () => {
  it("answers the handshake as the standard's own example does", async () => {
    const client = await WsClient.connect(port);
    expect(client.answer[0]).toBe("HTTP/1.1 101 Switching Protocols");
    expect(client.answer).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    client.socket.destroy();
  });

  it.each([0, 1, 125, 126, 65_535, 65_536, 300_000])("passes %i bytes on and back", async (length) => {
    const client = await WsClient.connect(port);
    client.send("a".repeat(length));
    expect(await client.receive()).toEqual({ opcode: 1, text: "A".repeat(length) });
    client.socket.destroy();
  });

  it("puts together what comes byte by byte, in fragments, and several at once", async () => {
    const client = await WsClient.connect(port);
    client.socket.setNoDelay(true);
    got.length = 0;
    for (const byte of clientFrame("grüße")) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => void setImmediate(resolve));
    }
    client.socket.write(
      Buffer.concat([
        clientFrame("one ", { isLast: false }),
        clientFrame("ping!", { opcode: 9 }),
        clientFrame("two ", { opcode: 0, isLast: false }),
        clientFrame("three", { opcode: 0 }),
        clientFrame("next"),
      ]),
    );
    const frames = [];
    for (let count = 0; count < 4; count++) frames.push(await client.receive());
    expect(frames).toEqual([
      { opcode: 1, text: "GRÜSSE" },
      { opcode: 10, text: "ping!" },
      { opcode: 1, text: "ONE TWO THREE" },
      { opcode: 1, text: "NEXT" },
    ]);
    expect(got).toEqual([
      { text: "grüße", bytes: 7 },
      { text: "one two three", bytes: 13 },
      { text: "next", bytes: 4 },
    ]);
    client.send(Buffer.from([3, 232]), { opcode: 8 });
    expect(await client.receive()).toMatchObject({ opcode: 8 });
    await once(client.socket, "end");
  });

  it.each([
    ["unmasked", clientFrame("x", { isMasked: false })],
    ["a continuation of nothing", clientFrame("x", { opcode: 0 })],
    ["a message within a message", Buffer.concat([clientFrame("x", { isLast: false }), clientFrame("y")])],
    ["binary", clientFrame("x", { opcode: 2 })],
    ["compressed", Buffer.from([0xc1, 0x81, 0, 0, 0, 0, 0])],
    ["endless", Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])],
  ])("ends a connection on which comes what is %s", async (_name, bytes) => {
    const client = await WsClient.connect(port);
    client.socket.write(bytes);
    await once(client.socket, "close");
  });
});
