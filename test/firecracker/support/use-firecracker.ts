import { join } from "node:path";
import { type FirecrackerTraits, temporaryDirectory } from "@bandsox/testkit";
import { openWorld, type World } from "../../e2e/support/world.ts";
import { firecrackerBinary, isReal, PATIENCE } from "./binary.ts";

/**
 * A world whose VMs are Firecracker's, of the library and of the command line alike: both are told by the environment.
 * Each test file is a process of its own, so nobody else is.
 */
export async function openFirecrackerWorld(traits: Partial<FirecrackerTraits> = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  process.env.BANDSOX_ENGINE = "firecracker";
  process.env.BANDSOX_FIRECRACKER = await firecrackerBinary(join(path, "bin"), traits);
  process.env.BANDSOX_PATIENCE = `${PATIENCE}`;
  // The double's guests need no KVM.
  if (!isReal) process.env.BANDSOX_ACCEL = "kvm";
  const world = stack.use(await openWorld());
  const opened = stack.move();
  return { ...world, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
