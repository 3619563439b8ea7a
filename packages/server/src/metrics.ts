import { VmState } from "@bandsox/contract";
import type { BandSox } from "bandsox";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { vmmCounters } from "./vmm-metrics.ts";

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Work that is timed by its stages. */
export type Staged = "create" | "restore" | "exec";

/** What the server counts, in the format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #stages: Readonly<Record<Staged, Histogram<"stage">>>;
  readonly #requests: Histogram<"route" | "method" | "status">;

  constructor(bandsox: BandSox) {
    collectDefaultMetrics({ register: this.#registry, prefix: "bandsox_" });
    vmGauge(this.#registry, bandsox);
    leakGauge(this.#registry, bandsox);
    poolGauges(this.#registry, bandsox);
    vmmCounters(this.#registry, bandsox);
    this.#stages = {
      create: this.#stageHistogram("create", "Stages of creating VMs"),
      restore: this.#stageHistogram("restore", "Stages of restoring snapshots"),
      exec: this.#stageHistogram("exec", "Commands until their first output, and until their end"),
    };
    this.#requests = new Histogram({
      ...{ name: "bandsox_request_seconds", help: "Requests by operation and status" },
      ...{ registers: [this.#registry], buckets: BUCKETS_SECONDS },
      labelNames: ["route", "method", "status"],
    });
  }

  /** A stage of some work ended. */
  stage(work: Staged, stage: string, durationMs: number): void {
    this.#stages[work].observe({ stage }, durationMs / 1000);
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

  #stageHistogram(work: Staged, help: string): Histogram<"stage"> {
    return new Histogram({
      ...{ name: `bandsox_${work}_stage_seconds`, help, labelNames: ["stage"] as const },
      ...{ registers: [this.#registry], buckets: BUCKETS_SECONDS },
    });
  }
}

function vmGauge(registry: Registry, bandsox: BandSox): void {
  new Gauge({
    ...{ name: "bandsox_vms", help: "VMs of the storage by state", labelNames: ["state"] as const },
    registers: [registry],
    async collect() {
      const vms = await bandsox.listVms();
      for (const state of VmState.options) this.set({ state }, vms.filter((vm) => vm.state === state).length);
    },
  });
}

function leakGauge(registry: Registry, bandsox: BandSox): void {
  new Gauge({
    ...{
      name: "bandsox_leaks",
      help: "What nobody looks after any more, by kind; `bandsox cleanup` settles it",
    },
    ...{ labelNames: ["kind"] as const, registers: [registry] },
    async collect() {
      const { counts } = await bandsox.cleanup({ dryRun: true });
      this.reset();
      this.set(
        { kind: "any" },
        Object.values(counts).reduce((sum, count) => sum + count, 0),
      );
      for (const [kind, count] of Object.entries(counts)) this.set({ kind }, count);
    },
  });
}

type PoolLabel = "pool" | "image" | "what";

function poolGauges(registry: Registry, bandsox: BandSox): void {
  new Gauge<PoolLabel>({
    ...{ name: "bandsox_pool_vms", help: "VMs of pools: wanted, ready, filling" },
    ...{ labelNames: ["pool", "image", "what"] as const, registers: [registry] },
    async collect() {
      this.reset();
      for (const { id: pool, image, size, ready, filling } of await bandsox.pools.list()) {
        for (const [what, count] of Object.entries({ wanted: size, ready, filling }))
          this.set({ pool, image, what }, count);
      }
    },
  });
  new Gauge<PoolLabel>({
    ...{ name: "bandsox_pool_takes", help: "Creates that a pool fits: hits had a VM ready, misses had not" },
    ...{ labelNames: ["pool", "image", "what"] as const, registers: [registry] },
    async collect() {
      this.reset();
      for (const { id: pool, image, hits, misses } of await bandsox.pools.list()) {
        for (const [what, count] of Object.entries({ hits, misses })) this.set({ pool, image, what }, count);
      }
    },
  });
}
