import { VmState } from "@bandsox/contract";
import type { BandSox } from "bandsox";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What the server counts, in the format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #stages: Histogram<"stage">;
  readonly #requests: Histogram<"route" | "method" | "status">;

  constructor(bandsox: BandSox) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: "bandsox_" });
    new Gauge({
      ...{ name: "bandsox_vms", help: "VMs of the storage by state", labelNames: ["state"], registers },
      async collect() {
        const vms = await bandsox.listVms();
        for (const state of VmState.options)
          this.set({ state }, vms.filter((vm) => vm.state === state).length);
      },
    });
    const buckets = SECONDS;
    this.#stages = new Histogram({
      ...{
        name: "bandsox_create_stage_seconds",
        help: "Stages of creating VMs",
        labelNames: ["stage"],
        registers,
        buckets,
      },
    });
    this.#requests = new Histogram({
      ...{ name: "bandsox_request_seconds", help: "Requests by operation and status", registers, buckets },
      labelNames: ["route", "method", "status"],
    });
  }

  /** A stage of a create ended. */
  stage(stage: string, durationMs: number): void {
    this.#stages.observe({ stage }, durationMs / 1000);
  }

  /** Counts the requests of a server, by route and not by address, which could be anything. */
  observe(app: FastifyInstance): void {
    app.addHook("onResponse", async (request, reply) => {
      const { method, routeOptions } = request;
      const labels = { route: routeOptions.url ?? "none", method, status: reply.statusCode };
      this.#requests.observe(labels, reply.elapsedTime / 1000);
    });
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }
}
