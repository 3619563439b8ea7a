import { bareRoundTrips } from "../bare-channel.ts";
import { type Benchmark, latency, quantile, repeated, timed } from "../figure.ts";

/** B09: the smallest calls. */
export const ping: Benchmark = {
  id: "B09",
  title: "ping",
  async run({ vm, agentSocket, quick }) {
    const count = quick ? 50 : 1000;
    const bare = await bareRoundTrips(agentSocket, count);
    const p50 = quantile(bare, 0.5);
    return [
      ...latency("B09", "vm.ping()", await repeated(count, () => vm.ping())),
      ...latency("B09", "bare HTTP call, kept connection", bare),
      ...latency("B09", "vm.oomKills()", await repeated(count, () => vm.oomKills()), p50),
      ...latency("B09", "vm.files.stat()", await repeated(count, () => vm.files.stat("/etc")), p50),
    ];
  },
};

/** B10: commands that do nothing. */
export const execTrue: Benchmark = {
  id: "B10",
  title: "exec-true",
  async run({ vm, agentSocket, quick }) {
    const count = quick ? 20 : 300;
    const bare = quantile(await bareRoundTrips(agentSocket, count), 0.5);
    const commands = { true: ["true"], "sh -c true": "true" } as const;
    const figures = [];
    for (const [name, command] of Object.entries(commands)) {
      const samples = await repeated(count, () =>
        vm.exec(typeof command === "string" ? command : [...command]),
      );
      figures.push(...latency("B10", name, samples, bare));
    }
    return figures;
  },
};

/** B11: many commands at once in one VM. */
export const execConcurrent: Benchmark = {
  id: "B11",
  title: "exec-concurrent",
  async run({ vm, quick }) {
    const parallel = 32;
    const rounds = quick ? 1 : 10;
    const sequential = await timed(async () => {
      for (let run = 0; run < parallel; run++) await vm.exec(["true"]);
    });
    const concurrent = await timed(async () => {
      for (let round = 0; round < rounds; round++) {
        await Promise.all(Array.from({ length: parallel }, () => vm.exec(["true"])));
      }
    });
    const one = parallel / (sequential / 1000);
    const value = (parallel * rounds) / (concurrent / 1000);
    return [
      {
        ...{ id: "B11", name: `${parallel} at once`, value, unit: "exec/s" },
        beside: { name: "one after the other", value: one, ratio: value / one },
      },
    ];
  },
};
