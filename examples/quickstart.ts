// From an image to Python's answer: makes a VM, runs one program in it, shows where the time went, removes it.
import { BandSox, type CreateStage, isBandSoxError, type Vm } from "bandsox";

const REGISTRY_IMAGE = "python:3-alpine";
const LOCAL_IMAGE = "bandsox/python:bookworm";
const BAR_WIDTH = 40;

const say = (text: string) => process.stdout.write(`${text}\n`);
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

const stages: { name: CreateStage | "exec"; durationMs: number }[] = [];

await using bandsox = new BandSox();
const vm = await createPythonVm();
try {
  say(`VM ${vm.id} is running; asking its Python`);
  const begun = performance.now();
  const result = await vm.execPythonCapture("print('Hello from VM!')", { signal: interrupted.signal });
  stages.push({ name: "exec", durationMs: performance.now() - begun });
  if (!result.success) throw new Error(`Python failed in the VM: ${result.error}`);
  showWaterfall();
  await vm.stop();
  say("VM stopped");
  say(result.stdout.trimEnd());
} finally {
  await vm.delete();
}

async function createPythonVm(): Promise<Vm> {
  if (!(await bandsox.hasImage(LOCAL_IMAGE))) {
    try {
      say(`Creating a VM from ${REGISTRY_IMAGE}, from its registry or the store`);
      return await create(REGISTRY_IMAGE);
    } catch (error) {
      if (!isBandSoxError(error, "registry_unreachable")) throw error;
      say(`The registry cannot be reached (${error.message})`);
      say(`Building ${LOCAL_IMAGE} from Debian's mirror instead; this takes half a minute, once`);
      const recipe = { suite: "bookworm", include: ["python3"], reference: LOCAL_IMAGE, cmd: ["python3"] };
      await bandsox.buildDebianImage(recipe, { signal: interrupted.signal });
    }
  }
  say(`Creating a VM from ${LOCAL_IMAGE}, built here from Debian's mirror`);
  return create(LOCAL_IMAGE);
}

function create(image: string): Promise<Vm> {
  stages.length = 0;
  const onStage = (name: CreateStage, durationMs: number) => stages.push({ name, durationMs });
  return bandsox.createVm(image, { onStage, signal: interrupted.signal });
}

function showWaterfall(): void {
  const total = stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
  let before = 0;
  for (const { name, durationMs } of stages) {
    const indent = " ".repeat(Math.round((before / total) * BAR_WIDTH));
    const bar = "█".repeat(Math.max(1, Math.round((durationMs / total) * BAR_WIDTH)));
    say(`  ${name.padEnd(7)}${durationMs.toFixed(0).padStart(7)} ms  ${indent}${bar}`);
    before += durationMs;
  }
  say(`  ${"total".padEnd(7)}${total.toFixed(0).padStart(7)} ms`);
}
