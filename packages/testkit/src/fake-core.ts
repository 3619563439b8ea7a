import { type Core, coreOf, OpenHandles, openDatabase, openImages } from "@bandsox/core/ports";
import type { FakeAgentOptions } from "./fake-agent.ts";
import { type FakeEngine, fakeEngine } from "./fake-engine.ts";
import { type FakePorts, fakePorts } from "./fake-ports.ts";

export type FakeCoreOptions = FakeAgentOptions;

/** An engine room over a real database and a fake world. */
export interface FakeCore extends AsyncDisposable {
  readonly core: Core;
  readonly engine: FakeEngine;
  readonly ports: FakePorts;
}

/** Opens a storage in which everything works but machines: each guest is an agent double of this process. */
export async function fakeCore(storageDir: string, options: FakeCoreOptions = {}): Promise<FakeCore> {
  await using stack = new AsyncDisposableStack();
  const engine = stack.use(fakeEngine(options));
  const ports = stack.use(await fakePorts(storageDir, engine));
  const database = stack.adopt(await openDatabase(ports.paths.database), (opened) => opened.close());
  const images = openImages({
    ...{ ...ports, database, helperPath: "/nonexistent", platform: "linux/amd64" },
    pins: () => [],
  });
  const resources = { [Symbol.asyncDispose]: async () => {} };
  const core = coreOf(ports, { images, handles: new OpenHandles(), resources });
  const opened = stack.move();
  return { core, engine, ports, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
