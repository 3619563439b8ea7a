import { VmSpec } from "@bandsox/contract";
import { createVm, Vm, vmPaths } from "@bandsox/core/ports";
import type { FakeAgent, FakeAgentOptions } from "./fake-agent.ts";
import { type FakeEngine, fakeEngine } from "./fake-engine.ts";
import { type FakePorts, fakePorts } from "./fake-ports.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A VM whose guest is an agent double of this process. */
export interface RunningVm extends AsyncDisposable {
  readonly vm: Vm;
  readonly agent: FakeAgent;
  readonly engine: FakeEngine;
  readonly ports: FakePorts;
  /** The VM's own directory */
  readonly dir: string;
}

/** Makes a VM in a storage of its own. */
export async function runningVm(options: FakeAgentOptions = {}): Promise<RunningVm> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine(options));
  const ports = stack.use(await fakePorts(path, engine));
  const { id } = await createVm(ports, VmSpec.parse({ image: "alpine" }));
  const { dir } = vmPaths(ports.paths, id);
  const agent = engine.agent(dir);
  if (!agent) throw new Error("the VM has no agent double");
  const opened = stack.move();
  const vm = new Vm(ports, id);
  return { vm, agent, engine, ports, dir, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
