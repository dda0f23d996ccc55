/** A WebSocket client for tests, frame by frame, so that it can also break the rules. */
import { connect, type Socket } from "node:net";
import { once } from "node:events";

const MASK = Buffer.from([1, 2, 3, 4]);

export interface FrameOptions {
  readonly opcode?: number;
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
}

/** A frame as a client sends it (RFC 6455 §5.2). */
export function clientFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = 1, isLast = true, isMasked = true } = options;
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (bytes.length < 126 ? bytes.length : bytes.length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(bytes.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(bytes.length), 2);
  if (!isMasked) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, MASK, bytes.map((byte, index) => byte ^ MASK[index & 3]!)]);
}

/** A connection after its handshake. */
export class WsClient {
  readonly socket: Socket;
  /** The lines of the server's answer to the handshake. */
  answer: readonly string[] = [];
  #buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => (this.#buffer = Buffer.concat([this.#buffer, chunk])));
    socket.on("error", () => undefined);
  }

  static async connect(port: number, path = "/", headers: readonly string[] = []): Promise<WsClient> {
    const client = new WsClient(connect(port, "127.0.0.1"));
    // The key and its answer stand in RFC 6455 §1.3.
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const lines = [`GET ${path} HTTP/1.1`, "Host: x", "Connection: Upgrade", "Upgrade: websocket", key, ...headers];
    client.socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    client.answer = (
      await client.#take(() => {
        const end = client.#buffer.indexOf("\r\n\r\n");
        return end < 0 ? undefined : { value: client.#buffer.subarray(0, end).toString(), bytes: end + 4 };
      })
    ).split("\r\n");
    return client;
  }

  send(payload: string | Buffer, options: FrameOptions = {}): void {
    this.socket.write(clientFrame(payload, options));
  }

  /** The next frame from the server. */
  receive(): Promise<{ readonly opcode: number; readonly text: string }> {
    return this.#take(() => {
      const [first = 0, short = 0] = this.#buffer;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#buffer.length < start) return undefined;
      const wide = (): number =>
        short === 126 ? this.#buffer.readUInt16BE(2) : Number(this.#buffer.readBigUInt64BE(2));
      const end = start + (short < 126 ? short : wide());
      if (this.#buffer.length < end) return undefined;
      return { value: { opcode: first & 15, text: this.#buffer.subarray(start, end).toString() }, bytes: end };
    });
  }

  async #take<T>(read: () => { readonly value: T; readonly bytes: number } | undefined): Promise<T> {
    for (;;) {
      const found = this.#buffer.length < 2 ? undefined : read();
      if (found !== undefined) {
        this.#buffer = this.#buffer.subarray(found.bytes);
        return found.value;
      }
      await once(this.socket, "data");
    }
  }
}
