import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { VMM_STEPS, type VmmStep } from "@bandsox/core";
import type { CreateVmOptions, Vm } from "bandsox";
import { type Benchmark, type Figure, type Lab, quantile, timed } from "../figure.ts";

const SHAPE = { memMib: 256 } as const;

type Start = (options: Pick<CreateVmOptions, "onStage">) => Promise<Vm>;

/** Where the time of one start went, in ms. */
interface Sample {
  readonly total: number;
  /** What the VMM's own steps took, by name; empty where the engine tells none */
  readonly steps: ReadonlyMap<string, number>;
  /** Stages, as a creation tells them */
  readonly stages: ReadonlyMap<string, number>;
}

async function sampled(start: Start): Promise<Sample> {
  const all: VmmStep[] = [];
  const stages = new Map<string, number>();
  const onStep = (step: unknown) => void all.push(step as VmmStep);
  subscribe(VMM_STEPS, onStep);
  let made: Vm | undefined;
  try {
    const total = await timed(async () => {
      made = await start({ onStage: (stage, ms) => stages.set(stage, (stages.get(stage) ?? 0) + ms) });
    });
    const own = all.filter(({ vmId }) => vmId === made?.id);
    return { total, stages, steps: new Map(own.map(({ step, ms }) => [step, ms])) };
  } finally {
    unsubscribe(VMM_STEPS, onStep);
    await made?.delete();
  }
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
/** What others did while this process waited: the VMM's steps, and what the guest did to become the VM's machine. */
const others = ({ steps, stages }: Sample) => sum(steps.values()) + (stages.get("agent") ?? 0);

async function figuresOf(name: string, count: number, start: Start): Promise<Figure[]> {
  await sampled(start); // takes the goldens, fills the page cache
  const samples: Sample[] = [];
  for (let run = 0; run < count; run++) samples.push(await sampled(start));
  if (samples.some(({ steps }) => steps.size === 0)) return []; // the engine does not tell them apart
  const p50 = (of: (sample: Sample) => number) => quantile(samples.map(of), 0.5);
  const figure = (what: string, of: (sample: Sample) => number, unit = "ms"): Figure => {
    return { id: "B26", name: `${name}: ${what}`, value: p50(of), unit, samples: samples.map(of) };
  };
  const own = (sample: Sample) => sample.total - others(sample);
  const bound = p50(others);
  const beside = { name: "VMM and guest", value: bound, ratio: p50(own) / bound };
  const isCall = (step: string) => step.includes(" /");
  const calls = ({ steps }: Sample) => [...steps.keys()].filter(isCall);
  const until = ({ stages, steps }: Sample) => (stages.get("vmm") ?? 0) - (steps.get("start") ?? 0);
  return [
    { ...figure("our own time, p50", own), beside },
    { id: "B26", name: `${name}: our own time, p95`, value: quantile(samples.map(own), 0.95), unit: "ms" },
    figure("of it until the VMM is started, supervisor", until),
    ...["image", "disk", "golden"].map((stage) =>
      figure(`of it stage ${stage}`, ({ stages }) => stages.get(stage) ?? 0),
    ),
    figure("requests to the VMM", (sample) => calls(sample).length, ""),
    ...calls(samples[0] as Sample).map((call) =>
      figure(`not ours: ${call}`, ({ steps }) => steps.get(call) ?? 0),
    ),
    figure("not ours: VMM until it takes requests", ({ steps }) => steps.get("start") ?? 0),
    figure("not ours: guest until its agent answers", ({ steps }) => steps.get("guest") ?? 0),
    figure("not ours: guest becomes the VM's", ({ stages }) => stages.get("agent") ?? 0),
  ];
}

/** B26: what a start costs beside the VMM's own steps and the guest's. */
export const ownTime: Benchmark = {
  id: "B26",
  title: "our own time per start",
  async run({ bandsox, image, quick }: Lab) {
    const count = quick ? 5 : 30;
    const golden = await figuresOf("golden create", count, (options) =>
      bandsox.createVm(image, { ...SHAPE, ...options }),
    );
    const source = await bandsox.createVm(image, SHAPE);
    const { id } = await source.snapshot();
    await source.delete();
    const restored = await figuresOf("snapshot restore", count, (options) =>
      bandsox.snapshots.restore(id, options),
    );
    await bandsox.snapshots.delete(id);
    return [...golden, ...restored];
  },
};
