import { BandSoxError } from "@bandsox/client";
import { TerminalReplay } from "@bandsox/contract/wire";
import { socketUrl } from "../../api/server.ts";
import { backoffMs } from "../../live/backoff.ts";
import { attachFrame, readAttachMessage, takenFrame } from "./attach-frames.logic.ts";
import { seenUpTo } from "./session-queries.ts";

export type AttachState = "connecting" | "attached" | "lost" | "ended";

export interface AttachOptions {
  readonly vmId: string;
  readonly sessionId: string;
  /** Takes output; what it returns settles once it was dealt with, and only then is more asked for */
  onOutput(data: Uint8Array): Promise<void>;
  onState(state: AttachState, detail?: string): void;
  /** Output that the guest no longer has */
  onGap(lostBytes: number): void;
}

interface Taking {
  readonly socket: WebSocket;
  readonly replay: TerminalReplay;
}

/**
 * A session of the guest that is seen here. A connection that breaks, as by a restart of the server, is made again at
 * the offset that was reached, so nothing is lost and nothing comes twice. What was printed before it was first seen here
 * is shown without the questions in it: the terminal would type its answers to whatever runs by now.
 */
export class AttachedSession implements Disposable {
  readonly #options: AttachOptions;
  #socket: WebSocket | undefined;
  #replay: TerminalReplay | undefined;
  #offset = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #size: { readonly cols: number; readonly rows: number } | undefined;
  #isSized = false;
  /** Messages are dealt with one after the other: what the next one says may rest on the one before. */
  #queue: Promise<void> = Promise.resolve();

  constructor(options: AttachOptions) {
    this.#options = options;
    void this.#connect();
  }

  /** Types into the session. While there is no connection, nothing is taken. */
  write(text: string): void {
    this.#send(attachFrame("stdin", new TextEncoder().encode(text)));
  }

  resize(size: { cols: number; rows: number }): void {
    this.#size = size;
    this.#isSized = false;
    this.#tellSize();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  async #connect(): Promise<void> {
    const { vmId, sessionId, onState } = this.#options;
    onState("connecting");
    try {
      this.#replay ??= new TerminalReplay(await seenUpTo(vmId, sessionId));
    } catch (error) {
      if (error instanceof BandSoxError && !error.retryable) this.#end(error.message);
      return this.#onClose();
    }
    if (!this.#isOver) this.#openSocket(this.#replay);
  }

  #openSocket(replay: TerminalReplay): void {
    const { vmId, sessionId } = this.#options;
    const [vm, session] = [vmId, sessionId].map(encodeURIComponent);
    const path = `/api/vms/${vm}/sessions/${session}/attach`;
    const socket = new WebSocket(socketUrl(path, { stdout: this.#offset, stderr: "end" }), ["bandsox.v1"]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (!(data instanceof ArrayBuffer)) return;
      this.#queue = this.#queue.then(() => this.#take(data, { socket, replay }));
    };
    socket.onclose = () => {
      this.#queue = this.#queue.then(() => this.#onClose());
    };
  }

  async #take(data: ArrayBuffer, { socket, replay }: Taking): Promise<void> {
    if (this.#isOver) return;
    const message = readAttachMessage(data);
    if (message.type === "output") {
      const shown = replay.shown(message.data, this.#offset);
      this.#offset += message.data.length;
      if (shown.length > 0) await this.#options.onOutput(shown);
      if (socket.readyState === WebSocket.OPEN) socket.send(takenFrame(message.data.length));
    } else if (message.type === "begun") {
      this.#offset = message.stdout;
      this.#failures = 0;
      this.#isSized = false;
      this.#options.onState("attached");
      this.#tellSize();
    } else if (message.type === "gap") {
      this.#offset = message.to;
      this.#options.onGap(message.lost);
    } else if (message.type === "exit") {
      this.#end(message.signal ? `ended by ${message.signal}` : `ended with exit code ${message.exitCode}`);
    } else if (message.type === "error" && !message.retryable) this.#end(message.detail);
  }

  #onClose(): void {
    if (this.#isOver) return;
    this.#failures += 1;
    this.#options.onState("lost");
    this.#timer = setTimeout(() => void this.#connect(), backoffMs(this.#failures));
  }

  #end(detail: string): void {
    this.#isOver = true;
    this.#options.onState("ended", detail);
  }

  #tellSize(): void {
    if (!this.#size || this.#isSized) return;
    this.#isSized = this.#send(attachFrame("resize", new TextEncoder().encode(JSON.stringify(this.#size))));
  }

  #send(frame: Uint8Array<ArrayBuffer>): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(frame);
    return true;
  }
}
