import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { FakePorts } from "./fake-ports.ts";

/** Everything through which something lasting is changed. */
const PORTS = [
  "records",
  "snapshots",
  "ledger",
  "leases",
  "staging",
  "layerDisks",
  "images",
  "events",
] as const;
const FILE_CALLS = ["mkdir", "writeFile", "rename", "rm", "copyFile", "link"] as const;

/** Ports of a process that dies: from its last step on, nothing it does has an effect any more. */
export interface DyingPorts extends Disposable {
  readonly ports: FakePorts;
  /** Counts steps from now on, and dies before the given one */
  begin(dieBefore: number): void;
  readonly isDead: boolean;
}

/**
 * Ports that count each change of the database, of files and of machines as a step. Death is that the database is closed
 * and every further change fails: clean-up code runs, as it does not in a killed process, and can do nothing. File calls
 * of the whole process count until this is disposed of.
 */
export function dyingPorts(inner: FakePorts): DyingPorts {
  let count = 0;
  let fatal = Number.POSITIVE_INFINITY;
  let isDead = false;
  const step = () => {
    if (++count >= fatal && !isDead) {
      isDead = true;
      inner.kill();
    }
    if (isDead) throw new Error("this process is dead");
  };
  const counting = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          step();
          return value.apply(target, args);
        };
      },
    });
  const real = Object.fromEntries(FILE_CALLS.map((name) => [name, fsPromises[name]]));
  for (const name of FILE_CALLS) {
    const call = fsPromises[name] as (...args: unknown[]) => unknown;
    Object.assign(fsPromises, {
      [name]: async (...args: unknown[]) => {
        step();
        return call(...args);
      },
    });
  }
  syncBuiltinESMExports();
  const engine = counting(inner.defaultEngine());
  const wrapped = Object.fromEntries(PORTS.map((name) => [name, counting(inner[name])]));
  return {
    ports: { ...inner, ...wrapped, defaultEngine: () => engine, engine: () => engine },
    begin(dieBefore) {
      count = 0;
      fatal = dieBefore;
    },
    get isDead() {
      return isDead;
    },
    [Symbol.dispose]() {
      Object.assign(fsPromises, real);
      syncBuiltinESMExports();
    },
  };
}
