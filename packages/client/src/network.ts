import type { EgressInput, NetworkDecision, VmId } from "@bandsox/contract";
import { fromWire, toWire } from "@bandsox/contract/wire";
import { jsonLines } from "./json-lines.ts";
import { textOf } from "./streams.ts";
import type { Transport } from "./transport.ts";

interface Abortable {
  signal?: AbortSignal | undefined;
}

/** The network of one VM of a server. */
export class RemoteNetwork {
  readonly #transport: Transport;
  readonly #id: VmId;

  constructor(transport: Transport, id: VmId) {
    this.#transport = transport;
    this.#id = id;
  }

  /** Replaces what the guest may connect to; when this resolves it holds, for connections that are open too. */
  async setEgress(egress: EgressInput, { signal }: Abortable = {}): Promise<void> {
    const call = { params: { id: this.#id }, body: { egress: toWire(egress) as never }, signal };
    await this.#transport.call("PUT /api/vms/:id/network/egress", call);
  }

  /** What was decided about the guest's connections and questions, the oldest that is kept first. */
  async decisions(options: Abortable = {}): Promise<NetworkDecision[]> {
    return Array.fromAsync(this.#read("0", options));
  }

  /** What was decided and goes on to be, until `signal` fires or the VM is deleted. */
  async *watch(options: Abortable = {}): AsyncGenerator<NetworkDecision, void, undefined> {
    try {
      yield* this.#read("1", options);
    } catch (error) {
      if (!options.signal?.aborted) throw error;
    }
  }

  async *#read(follow: "0" | "1", { signal }: Abortable): AsyncGenerator<NetworkDecision, void, undefined> {
    const call = {
      params: { id: this.#id },
      query: { follow },
      signal,
      timeoutMs: follow === "1" ? 0 : undefined,
    };
    const texts = textOf(this.#transport, "GET /api/vms/:id/network/decisions", call);
    for await (const line of jsonLines(texts)) yield fromWire<NetworkDecision>(line as never);
  }
}
