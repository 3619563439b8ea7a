import { BandSoxError } from "@bandsox/contract";
import { toolPath } from "../../host/find-tool.ts";
import { startChild, tiedToUs } from "../../host/start-child.ts";
import type { BuildRecipe } from "./recipe.ts";

const SHOWN_CHARACTERS = 2000;
const FORCE_KILL_MS = 10_000;

/** One line of a build's output. */
export type OnBuildLine = (line: string) => void;

export interface BuilderCall {
  readonly recipe: BuildRecipe;
  readonly env: Readonly<Record<string, string>>;
  /** A directory for files of this build */
  readonly workDir: string;
  readonly onLine: OnBuildLine;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a builder and tells its lines. The kernel ends it when this process dies; a build nobody waits for is not gone
 * on with.
 *
 * @throws {BandSoxError} `image_build_failed`, `interrupted`
 */
export async function runBuilder(tool: string, args: readonly string[], call: BuilderCall): Promise<void> {
  const { signal, onLine, recipe } = call;
  const child = startChild(...tiedToUs(tool, args), {
    reject: false,
    all: true,
    stdin: "ignore",
    env: { ...call.env, PATH: toolPath() },
    forceKillAfterDelay: FORCE_KILL_MS,
    maxBuffer: 1024 * 1024,
    buffer: false,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  let last = "";
  for await (const line of child.iterable({ from: "all" })) {
    last = `${last}${line}\n`.slice(-SHOWN_CHARACTERS);
    onLine(line);
  }
  const result = await child;
  if (!result.failed) return;
  if (result.isCanceled)
    throw new BandSoxError("interrupted", `interrupted while building ${recipe.dockerfile}`, {});
  const words = last.trimEnd().split("\n").at(-1) ?? "";
  const message = `cannot build ${recipe.dockerfile}: ${words.slice(0, 300)}`;
  throw new BandSoxError("image_build_failed", message, { dockerfile: recipe.dockerfile, output: last });
}
