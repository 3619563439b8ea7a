import { type ChildProcess, spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { buffer, json } from "node:stream/consumers";
import { type ExecExit, type SessionInfo, SessionSpec, type SessionStream } from "@bandsox/contract";
import { frame, jsonFrame, refuseUpgrade, switchTo } from "./fake-duplex.ts";

const JOURNAL_DEFAULT_BYTES = 4 * 1024 * 1024;
const STREAMS = ["stdout", "stderr"] as const;
const KINDS = { stdout: 1, stderr: 2 } as const;

interface Piece {
  readonly stream: SessionStream;
  readonly offset: number;
  readonly data: Buffer;
}

/** A session of the agent double: a plain process of this host, its output in a journal. */
class FakeSession {
  readonly id: string;
  readonly spec: SessionSpec;
  readonly ended = Promise.withResolvers<void>();
  readonly resizes: { cols: number; rows: number }[] = [];
  exit: ExecExit | undefined;
  stdin: SessionInfo["stdin"];
  readonly #child: ChildProcess;
  #journal: Piece[] = [];
  readonly #kept = { stdout: { from: 0, to: 0 }, stderr: { from: 0, to: 0 } };
  readonly #viewers = new Set<Socket>();

  constructor(id: string, spec: SessionSpec, child: ChildProcess) {
    this.id = id;
    this.spec = spec;
    this.stdin = spec.stdin ? "open" : "none";
    this.#child = child;
    if (!spec.stdin) child.stdin?.end();
    child.stdin?.on("error", () => {});
    for (const stream of STREAMS)
      child[stream]?.on("data", (data: Buffer) => this.#print(spec.terminal ? "stdout" : stream, data));
    child.once("close", (code, signal) => this.#end(code, signal));
  }

  info(): SessionInfo {
    const { id, spec, stdin, exit } = this;
    return {
      ...{ id, argv: spec.argv, cwd: spec.cwd ?? "/", user: spec.user ?? "root", stdin, ...this.#kept },
      ...{ pid: this.#child.pid ?? 0, startedAt: 1, viewers: this.#viewers.size },
      ...(spec.terminal ? { terminal: { ...spec.terminal, ...this.resizes.at(-1) } } : {}),
      ...(exit ? { exit, endedAt: 2 } : {}),
    };
  }

  attach(socket: Socket, begin: Record<SessionStream, number>): void {
    switchTo(socket, "bandsox-frames");
    for (const stream of STREAMS) {
      const { from } = this.#kept[stream];
      if (begin[stream] < from) socket.write(jsonFrame(4, { stream, from: begin[stream], to: from }));
    }
    for (const piece of this.#journal) {
      const rest = piece.data.subarray(Math.max(0, begin[piece.stream] - piece.offset));
      if (rest.length > 0) socket.write(frame(KINDS[piece.stream], rest));
    }
    if (this.exit) return void socket.end(jsonFrame(3, this.exit));
    this.#viewers.add(socket);
    socket.on("close", () => this.#viewers.delete(socket)).resume();
  }

  async write(bytes: Buffer, close: boolean): Promise<boolean> {
    if (this.stdin !== "open") return false;
    await new Promise((resolve) => this.#child.stdin?.write(bytes, resolve));
    if (close) {
      this.stdin = "closed";
      this.#child.stdin?.end();
    }
    return true;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.exit && this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
  }

  beyond(begin: Record<SessionStream, number>): boolean {
    return STREAMS.some((stream) => begin[stream] > this.#kept[stream].to);
  }

  begin(query: URLSearchParams): Record<SessionStream, number> {
    const at = (stream: SessionStream) =>
      query.get(stream) === "end" ? this.#kept[stream].to : Number(query.get(stream) ?? 0);
    return { stdout: at("stdout"), stderr: at("stderr") };
  }

  #print(stream: SessionStream, data: Buffer): void {
    const kept = this.#kept[stream];
    for (let at = 0; at < data.length; at += 65_536) {
      const part = data.subarray(at, at + 65_536);
      this.#journal.push({ stream, offset: kept.to, data: part });
      kept.to += part.length;
      for (const viewer of this.#viewers) viewer.write(frame(KINDS[stream], part));
    }
    const limit = this.spec.journalBytes ?? JOURNAL_DEFAULT_BYTES;
    while (kept.to - kept.from > limit) {
      const oldest = this.#journal.findIndex((piece) => piece.stream === stream);
      kept.from += this.#journal[oldest]?.data.length ?? 0;
      this.#journal = this.#journal.toSpliced(oldest, 1);
    }
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    this.exit = { exitCode: code ?? 128 + 9, ...(signal ? { signal } : {}), timedOut: false };
    if (this.stdin === "open") this.stdin = "closed";
    for (const viewer of this.#viewers) viewer.end(jsonFrame(3, this.exit));
    this.ended.resolve();
  }
}

/** The sessions of an agent double, and the calls for them. */
export class FakeSessions implements Disposable {
  /** How many commands were started */
  started = 0;
  readonly #byId = new Map<string, FakeSession>();

  /** The sizes a session's terminal was given since its start */
  resizes(id: string): readonly { cols: number; rows: number }[] {
    return this.#byId.get(id)?.resizes ?? [];
  }

  ids(): string[] {
    return [...this.#byId.keys()];
  }

  /** Answers a call below `/v1/sessions`. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://guest");
    const [, , , id, action] = url.pathname.split("/");
    const reply = (status: number, body: unknown) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (!id) return reply(200, { sessions: [...this.#byId.values()].map((one) => one.info()).reverse() });
    if (request.method === "PUT") return this.#start(id, await json(request), reply);
    const session = this.#byId.get(id);
    if (!session) return reply(404, { code: "session_not_found", message: `there is no session ${id}` });
    if (request.method === "DELETE") {
      session.kill("SIGKILL");
      this.#byId.delete(id);
      return reply(200, {});
    }
    if (action === undefined) return reply(200, session.info());
    await act(session, { action, request, query: url.searchParams, reply });
  }

  /** Answers an upgrade of `/v1/sessions/{id}/attach`. */
  attach(request: IncomingMessage, socket: Socket) {
    const url = new URL(request.url ?? "/", "http://guest");
    const session = this.#byId.get(url.pathname.split("/")[3] ?? "");
    if (!session) return refuseUpgrade(socket, 404, { code: "session_not_found", message: "gone" });
    const begin = session.begin(url.searchParams);
    if (session.beyond(begin)) return refuseUpgrade(socket, 416, { code: "offset_ahead", message: "ahead" });
    return session.attach(socket, begin);
  }

  [Symbol.dispose](): void {
    for (const session of this.#byId.values()) session.kill("SIGKILL");
  }

  async #start(id: string, body: unknown, reply: Reply): Promise<void> {
    const known = this.#byId.get(id);
    if (known) return reply(200, known.info());
    const spec = SessionSpec.parse(body);
    const child = await startChild(spec);
    if (child instanceof Error) return reply(422, { code: "exec_not_started", message: child.message });
    this.started++;
    const session = new FakeSession(id, spec, child);
    this.#byId.set(id, session);
    reply(201, session.info());
  }
}

/** A program with its pipes, or why there is none: it is not there, or an argument or variable holds a NUL. */
async function startChild(spec: SessionSpec): Promise<ChildProcess | Error> {
  const [program = "cat", ...args] = spec.argv;
  const term = spec.terminal ? { TERM: spec.terminal.term ?? "xterm" } : {};
  return await new Promise<ChildProcess>((resolve, reject) => {
    const env = { ...process.env, ...spec.env, ...term };
    const child = spawn(program, args, { stdio: "pipe", detached: true, env });
    child.once("error", reject).once("spawn", () => resolve(child));
  }).catch((error: Error) => error);
}

type Reply = (status: number, body: unknown) => void;

interface Action {
  readonly action: string;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly reply: Reply;
}

async function act(session: FakeSession, { action, request, query, reply }: Action): Promise<void> {
  if (action === "stdin") {
    const bytes = await buffer(request);
    if (await session.write(bytes, query.get("close") === "1")) return reply(200, { bytes: bytes.length });
    return reply(409, { code: "stdin_closed", message: "its stdin is closed" });
  }
  if (action === "signal") {
    const { signal } = (await json(request)) as { signal: NodeJS.Signals };
    if (session.exit) return reply(409, { code: "session_ended", message: "it has ended" });
    session.kill(signal);
    return reply(200, {});
  }
  if (action === "resize") {
    const size = (await json(request)) as { cols: number; rows: number };
    if (!session.spec.terminal) return reply(409, { code: "not_a_terminal", message: "it has no terminal" });
    session.resizes.push(size);
    return reply(200, {});
  }
  if (action === "wait") {
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, Number(query.get("timeoutMs") ?? 0));
    await Promise.race([session.ended.promise, timeout.promise]);
    clearTimeout(timer);
    return reply(200, session.info());
  }
  reply(404, { code: "not_found", message: action });
}
