import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { BandSox, type Vm } from "bandsox";
import { type Benchmark, type Figure, type Lab, latency } from "../figure.ts";

const LAUNCHER = resolve(import.meta.dirname, "../../bandsox");
const MEBIBYTE = 1024 * 1024;
const CALLERS = 16;
const EXECS = 200;
const TERMINALS = 50;
const LINES = 200;
const LINES_TEXT = Array.from({ length: LINES }, (_, index) => `${index + 1}\n`).join("");
const COUNT_UP = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo $i; done`;

/** B21: a server under mixed calls, then under many streams, of which a line that is missing fails it. */
export const controlPlane: Benchmark = {
  id: "B21",
  title: "control-plane",
  async run(lab) {
    await using server = await serve(lab);
    const bs = new BandSox(server.url);
    await using vms = await forks(lab, lab.quick ? 2 : 64);
    const calls = await mixedCalls(bs, vms.all, lab.quick ? 400 : 20_000);
    const after = await metricsOf(server.url);
    return [
      ...calls.figures,
      ...[gauge("loop delay p99", after.loopP99Ms, "ms"), gauge("RSS", after.rssMib, "MiB")],
      ...(await streams(bs, lab)),
    ];
  },
};

function gauge(name: string, value: number, unit: string): Figure {
  return { id: "B21", name, value, unit };
}

interface Running extends AsyncDisposable {
  readonly url: string;
}

/** `bandsox serve` on the run's storage, as a process of its own: its loop is what is measured. */
async function serve({ storageDir }: Lab): Promise<Running> {
  const args = ["serve", "--port", "0", "--log-level", "warn", "--storage", storageDir];
  const child = spawn(LAUNCHER, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = / at (http:\S+)$/.exec(line)?.[1];
    if (url) return { url, [Symbol.asyncDispose]: () => end(child) };
  }
  throw new Error("the server ended before it served");
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

async function forks({ vm }: Lab, count: number) {
  const made = (await vm.fork({ count })).flatMap((one) => ("vm" in one ? [one.vm] : []));
  const dispose = async () => void (await Promise.all(made.map((one) => one.delete())));
  return { all: [vm, ...made], [Symbol.asyncDispose]: dispose };
}

/** What a dashboard and programs ask for, in turn, by several callers at once. */
async function mixedCalls(bs: BandSox, vms: readonly Vm[], count: number) {
  const kinds: readonly ((vm: Vm) => Promise<unknown>)[] = [
    () => bs.listVms(),
    (vm) => vm.info(),
    (vm) => vm.exec(["true"]),
    (vm) => vm.files.list("/"),
    (vm) => vm.stats(),
    (vm) => vm.info(),
    (vm) => vm.sessions.list(),
    (vm) => vm.updateMetadata({ seen: 1 }),
  ];
  const reached = await Promise.all(vms.map(({ id }) => bs.getVm(id)));
  const samples: number[] = [];
  let next = 0;
  const caller = async () => {
    for (let at = next++; at < count; at = next++) {
      const begun = performance.now();
      await kinds[at % kinds.length]?.(reached[at % reached.length] as Vm);
      samples.push(performance.now() - begun);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const perSecond = count / ((performance.now() - begun) / 1000);
  const name = `mixed call, ${vms.length} VMs, ${CALLERS} callers`;
  return { figures: [...latency("B21", name, samples), gauge("mixed calls", perSecond, "1/s")] };
}

async function metricsOf(url: string): Promise<{ loopP99Ms: number; rssMib: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  return {
    loopP99Ms: value("bandsox_nodejs_eventloop_lag_p99_seconds") * 1000,
    rssMib: value("bandsox_process_resident_memory_bytes") / MEBIBYTE,
  };
}

/** Commands and terminals of one VM at the same time, each of which has to bring every line. */
async function streams(bs: BandSox, { vm, quick }: Lab): Promise<Figure[]> {
  const [execs, terminals] = quick ? [EXECS / 10, TERMINALS / 10] : [EXECS, TERMINALS];
  const far = await bs.getVm(vm.id);
  const begun = performance.now();
  const lost = await Promise.all([
    ...Array.from({ length: execs }, () => linesOfExec(far)),
    ...Array.from({ length: terminals }, () => linesOfTerminal(far)),
  ]);
  const ms = performance.now() - begun;
  const broken = lost.filter((text) => text.replaceAll("\r", "") !== LINES_TEXT).length;
  if (broken > 0) throw new Error(`${broken} of ${lost.length} streams lost something`);
  return [gauge(`${execs} commands and ${terminals} terminals of ${LINES} lines each`, ms / 1000, "s")];
}

async function linesOfExec(vm: Vm): Promise<string> {
  let text = "";
  for await (const event of vm.execStream(COUNT_UP)) {
    if (event.type === "stdout") text += Buffer.from(event.data).toString();
  }
  return text;
}

async function linesOfTerminal(vm: Vm): Promise<string> {
  const view = await vm.terminal({ command: COUNT_UP });
  let text = "";
  for await (const bytes of view.output) text += Buffer.from(bytes).toString();
  await view.session.delete();
  return text;
}
