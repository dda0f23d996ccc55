/**
 * The server's half of a WebSocket connection (RFC 6455), as much as the mock model needs: Node has none. Text goes
 * both ways, no extension is agreed on; whatever is against the protocol ends the connection.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const MAX_MESSAGE_BYTES = 500_000_000;

/** RFC 6455 §5.2. */
const OPCODE = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;

export interface SocketMessage {
  readonly text: string;
  /** Of the text. */
  readonly bytes: number;
  /** `performance.now()` when its first bytes were there. */
  readonly atMs: number;
}

/** Accepts an upgrade; `take` gets every message, and with it the way to send. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  take: (message: SocketMessage, send: (text: string) => void) => void,
): void {
  const accept = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"] ?? ""}${GUID}`)
    .digest("base64");
  const answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write(`${[...answer, `Sec-WebSocket-Accept: ${accept}`].join("\r\n")}\r\n\r\n`);
  const send = (text: string): void => void socket.write(encodeFrame(OPCODE.text, Buffer.from(text)));
  const reader = new MessageReader(
    (message) => take(message, send),
    (frame) => {
      if (frame.opcode === OPCODE.ping) socket.write(encodeFrame(OPCODE.pong, frame.payload));
      if (frame.opcode === OPCODE.close) socket.end(encodeFrame(OPCODE.close, frame.payload.subarray(0, 2)));
    },
  );
  const feed = (chunk: Buffer): void => {
    if (!reader.add(chunk)) socket.destroy();
  };
  // A client that is killed breaks the connection; there is nobody left to tell.
  socket.on("error", () => socket.destroy());
  socket.on("data", feed);
  if (head.length > 0) feed(head);
}

interface Frame {
  readonly isLast: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  /** All of it, its header included. */
  readonly bytes: number;
}

/** Puts frames together that come in chunks, and messages that come in frames. */
class MessageReader {
  readonly #take: (message: SocketMessage) => void;
  readonly #control: (frame: Frame) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Fewer bytes are not worth a look. */
  #wanted = 2;
  #parts: Buffer[] = [];
  #atMs: number | undefined;

  constructor(take: (message: SocketMessage) => void, control: (frame: Frame) => void) {
    this.#take = take;
    this.#control = control;
  }

  /** Says no when the bytes are against the protocol. */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#atMs ??= performance.now();
    while (this.#bytes >= this.#wanted) {
      const buffer = Buffer.concat(this.#chunks);
      const found = decodeFrame(buffer);
      if (found === "wrong") return false;
      this.#chunks = [typeof found === "number" ? buffer : buffer.subarray(found.bytes)];
      this.#bytes = this.#chunks[0]?.length ?? 0;
      this.#wanted = typeof found === "number" ? found : 2;
      if (typeof found !== "number" && !this.#frame(found)) return false;
    }
    return true;
  }

  #frame(frame: Frame): boolean {
    const atMs = this.#atMs ?? performance.now();
    const isControl = frame.opcode >= OPCODE.close;
    if (isControl) this.#control(frame);
    // A message is one text frame and any number of continuations; control frames may stand between them.
    else if (frame.opcode !== (this.#parts.length === 0 ? OPCODE.text : OPCODE.continuation)) return false;
    else this.#parts.push(frame.payload);
    const isWhole = !isControl && frame.isLast;
    if (!isWhole && this.#parts.length > 0) return true;
    // What is left in hand belongs to the next message, and has come by now.
    this.#atMs = this.#bytes > 0 ? performance.now() : undefined;
    if (!isWhole) return true;
    const payload = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#take({ text: payload.toString("utf8"), bytes: payload.length, atMs });
    return true;
  }
}

/** The first frame of `buffer`, unmasked; how many bytes it takes to know more; or that it is none a client may send. */
function decodeFrame(buffer: Buffer): Frame | number | "wrong" {
  const [first = 0, second = 0] = buffer;
  const short = second & 0x7f;
  const isMasked = (second & 0x80) !== 0;
  // Extensions would set the three bits after the first.
  if (!isMasked || (first & 0x70) !== 0) return "wrong";
  const maskAt = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (buffer.length < maskAt + 4) return maskAt + 4;
  const length = short < 126 ? short : short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2));
  if (length > MAX_MESSAGE_BYTES) return "wrong";
  const start = maskAt + 4;
  if (buffer.length < start + length) return start + length;
  const payload = Buffer.from(buffer.subarray(start, start + length));
  for (let index = 0; index < length; index++) {
    payload[index] = (payload[index] ?? 0) ^ (buffer[maskAt + (index & 3)] ?? 0);
  }
  return { isLast: (first & 0x80) !== 0, opcode: first & 0x0f, payload, bytes: start + length };
}

/** A whole message, or a control frame, as a server sends it: unmasked. */
function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(payload.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}
