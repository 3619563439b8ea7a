import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { OUTPUTS } from "@bandsox/cli/outputs";
import { expect } from "vitest";
import { finish, type World } from "./world.ts";

/** Commands with `--json`, run as processes and held to what is documented. */
export class Told {
  readonly #world: World;
  /** Commands that were run */
  readonly names = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Runs a command to its end. @returns what it printed, of which nothing is left undescribed */
  async whole<T = { id: string }>(name: string, ...args: string[]): Promise<T> {
    return this.ending<T>(name, this.#start(name, args));
  }

  /** Waits for the end of a command that was started with `--json`. */
  async ending<T>(name: string, child: ChildProcess): Promise<T> {
    this.names.add(name);
    const { stdout, ...result } = await finish(child);
    expect(result, name).toEqual({ code: 0, signal: null, stderr: "" });
    return described(name, JSON.parse(stdout)) as T;
  }

  /** Starts a command that goes on, and interrupts it after its first line, which `meanwhile` may bring about. */
  async first(
    name: string,
    args: readonly string[],
    meanwhile: (isOver: () => boolean) => Promise<void> = async () => {},
  ): Promise<void> {
    const child = this.#start(name, args);
    let isOver = false;
    const value = firstValue(child).finally(() => {
      isOver = true;
    });
    const ended = once(child, "close");
    try {
      await meanwhile(() => isOver);
      described(name, await value);
    } finally {
      child.kill("SIGINT");
    }
    expect([0, 130], name).toContain((await ended)[0]);
  }

  #start(name: string, args: readonly string[]): ChildProcess {
    this.names.add(name);
    return this.#world.start(...name.split(" "), "--json", ...args);
  }
}

/** The first JSON value that a process prints, on one line or several. */
async function firstValue(child: ChildProcess): Promise<unknown> {
  let text = "";
  for await (const line of createInterface({ input: child.stdout! })) {
    text += line;
    if (isJson(text)) return JSON.parse(text);
  }
  throw new Error(`it ended after ${JSON.stringify(text)}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function described(name: string, value: unknown): unknown {
  const output = OUTPUTS[name];
  if (!output) throw new Error(`${name} is no command`);
  expect(output.schema.parse(value), name).toEqual(value);
  return value;
}
