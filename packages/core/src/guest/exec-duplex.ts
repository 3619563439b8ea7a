import type { ExecEvent, ExecSpec } from "@bandsox/contract";
import { CallLimit } from "./call-limit.ts";
import { FrameDuplex } from "./duplex.ts";
import { toExecEvent } from "./exec-event.ts";
import { execRefusals } from "./exec-refusals.ts";
import { explainFailure, guestUnreachable } from "./failure.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { type StdinInput, type StdinSource, stdinSource } from "./stdin-source.ts";

/** Time beyond the command's own after which the guest is at fault */
const EXEC_SLACK_MS = 30_000;

/**
 * Runs a command that reads from the host, and yields what it does as it does it; the last event is `exit`. Leaving
 * the iteration early, `signal`, or a failure of the input kills the command's process group.
 *
 * @throws {BandSoxError} `exec_not_started`, `exec_busy`, `exec_failed`, `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function* execWithStdin(
  endpoint: GuestEndpoint,
  spec: ExecSpec,
  { stdin, signal }: { stdin: StdinInput; signal?: AbortSignal | undefined },
): AsyncGenerator<ExecEvent, void, undefined> {
  const { vmId } = endpoint;
  const { timeoutMs } = spec;
  using limit = new CallLimit(signal, timeoutMs === undefined ? undefined : timeoutMs + EXEC_SLACK_MS);
  using source = stdinSource(stdin);
  using duplex = await FrameDuplex.open(endpoint, {
    ...{ method: "POST", path: "/v1/exec", body: { ...spec, stdin: true }, signal: limit.signal },
    refusals: execRefusals(vmId, spec.argv),
  });
  const feeding = new Feeding(duplex, source);
  try {
    for await (const frame of duplex.frames()) {
      limit.pause();
      const event = toExecEvent(frame);
      yield event;
      if (event.type === "exit") return;
      limit.resume();
    }
    throw guestUnreachable(vmId, "it ended before the command did");
  } catch (error) {
    throw feeding.failure ?? explainFailure(error, { vmId, limit });
  } finally {
    duplex[Symbol.dispose]();
    await feeding.end();
  }
}

/** Sends the input and its end, for as long as the command runs. */
class Feeding {
  /** Why the source could not be read; the command is then killed, and its caller sees this */
  failure: unknown;
  readonly #done: Promise<void>;
  #wake = () => {};
  #isOver = false;

  constructor(duplex: FrameDuplex, source: StdinSource) {
    this.#done = this.#feed(duplex, source);
  }

  /** Stops waiting for the source, and returns when nothing is sent any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#wake();
    await this.#done;
  }

  async #feed(duplex: FrameDuplex, source: StdinSource): Promise<void> {
    for (;;) {
      let bytes: Uint8Array | undefined;
      try {
        bytes = await this.#nextOf(source);
      } catch (error) {
        this.failure = error;
        return duplex[Symbol.dispose]();
      }
      if (this.#isOver) return;
      if (bytes?.length === 0) continue;
      const sending = bytes ? duplex.sendStdin(bytes) : duplex.endStdin();
      const isTaken = await sending.then(
        () => true,
        () => false, // the connection is gone, and whoever reads its frames learns why
      );
      if (!isTaken || !bytes) return;
    }
  }

  /** The next bytes, or `undefined` as soon as the command has ended. */
  #nextOf(source: StdinSource): Promise<Uint8Array | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
    this.#wake = () => resolve(undefined);
    source.next().then(resolve, reject);
    return promise;
  }
}
