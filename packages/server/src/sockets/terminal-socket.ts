import { isBandSoxError, SessionId } from "@bandsox/contract";
import { VmParams } from "@bandsox/contract/api";
import type { Terminal, Vm } from "bandsox";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { given } from "../routes/given.ts";
import type { Served } from "../served.ts";
import { attach, jsonOf } from "./attach-socket.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { serveSocket } from "./socket-route.ts";

const Cells = z.coerce.number().int().min(1).max(4096);
const Query = z.object({
  cols: Cells.default(80),
  rows: Cells.default(24),
  token: z.string().optional(),
  /** What to run, for `/bin/sh -c` (default: the user's login shell) */
  command: z.string().max(65_536).optional(),
  cwd: z.string().max(4096).optional(),
  user: z.string().max(256).optional(),
  term: z.string().min(1).max(64).optional(),
  /** A session to see again instead of a new one, and the offset in its output to begin at */
  session: SessionId.optional(),
  from: z.coerce.number().int().min(0).default(0),
  /** Whether the shell lives on when the client leaves */
  keep: z.enum(["0", "1"]).default("0"),
});
type Query = z.output<typeof Query>;

/** Codes by which a client says that it leaves, and does not come again. */
const LEAVING: readonly (number | undefined)[] = [1000, 1001];

/** `/api/vms/:id/terminal`: a shell on a terminal. */
export function serveTerminal(app: FastifyInstance, { bandsox }: Served): void {
  serveSocket(app, {
    ...{ path: "/api/vms/:id/terminal", scope: "exec", params: VmParams, query: Query },
    serve: async ({ params, query, socket, speaksFrames }) => {
      const vm = await bandsox.getVm(params.id);
      if (speaksFrames) await serveFrames(vm, socket, query);
      else await serveText(vm, socket, query);
    },
  });
}

/** A broken connection may be made again, so its shell stays; a client that leaves takes it along. */
async function serveFrames(vm: Vm, socket: FrameSocket, query: Query): Promise<void> {
  const { cols, rows, command, cwd, user, term, session, from, keep } = query;
  const options = { cols, rows, ...given({ command, cwd, user, term }) };
  const terminal = session === undefined ? await vm.terminal(options) : await vm.attachTerminal(session);
  try {
    await attach(terminal.session, socket, { stdout: session === undefined ? 0 : from, stderr: 0 });
  } finally {
    if (keep === "0" && LEAVING.includes(socket.closeCode)) await end(terminal);
  }
}

const Message = z.discriminatedUnion("type", [
  z.object({ type: z.literal("input"), data: z.base64() }),
  z.object({ type: z.literal("resize"), cols: Cells, rows: Cells }),
]);

/** As the first BandSox: `/bin/sh`, base64 in JSON and in text, and no shell without its socket. */
async function serveText(vm: Vm, socket: FrameSocket, { cols, rows }: Query): Promise<void> {
  const terminal = await vm.terminal({ cols, rows, command: ["/bin/sh"] });
  const leave = () => terminal.detach();
  socket.signal.addEventListener("abort", leave, { once: true });
  if (socket.signal.aborted) leave();
  const input = takeText(terminal, socket);
  try {
    for await (const bytes of terminal.output) await socket.sendText(Buffer.from(bytes).toString("base64"));
  } finally {
    socket.close(1000);
    await input;
    await end(terminal);
  }
}

async function takeText(terminal: Terminal, socket: FrameSocket): Promise<void> {
  for await (const text of socket.messages()) {
    const message = Message.safeParse(typeof text === "string" ? jsonOf(text) : undefined);
    if (!message.success) continue; // as in the first BandSox, where some of it ended the session
    const { data } = message;
    const doing =
      data.type === "input"
        ? terminal.write(Buffer.from(data.data, "base64"))
        : terminal.resize({ cols: data.cols, rows: data.rows });
    await doing.catch(() => {}); // the shell has ended, which its output's end tells
  }
}

/** Ends a shell nobody can come back to. One that is gone, with its VM or without, needs no end. */
async function end({ session }: Terminal): Promise<void> {
  try {
    await session.delete();
  } catch (error) {
    const isGone = [
      "session_not_found",
      "vm_not_found",
      "vm_wrong_state",
      "guest_unreachable",
      "storage_closed",
    ] as const;
    if (!isGone.some((code) => isBandSoxError(error, code))) throw error;
  }
}
