import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { execa } from "execa";
import { findTool, toolPath } from "../../host/find-tool.ts";

const SHOWN_CHARACTERS = 2000;
const FORCE_KILL_MS = 10_000;

/** One line of a build's output. */
export type OnBuildLine = (line: string) => void;

export interface BuildRecipe {
  /** Dockerfile on the host */
  readonly dockerfile: string;
  /** The only directory `COPY` and `ADD` read from; its `.dockerignore` holds */
  readonly context: string;
  /** `ARG` values */
  readonly args: Readonly<Record<string, string>>;
  /** Stage to stop at (default: the last) */
  readonly target?: string | undefined;
  /** Run every step again (default: `false`) */
  readonly noCache?: boolean | undefined;
}

export interface BuildahOptions {
  /** Where buildah keeps its layers between builds; ours alone, so the user's own containers are not touched */
  readonly storageDir: string;
  /** A directory for files of this build */
  readonly workDir: string;
  readonly onLine: OnBuildLine;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds a Dockerfile without a daemon and writes the result as an OCI layout.
 *
 * @returns the image, as a source the store reads
 * @throws {BandSoxError} `image_builder_missing`, `image_build_failed`, `interrupted`
 */
export async function buildWithBuildah(recipe: BuildRecipe, options: BuildahOptions): Promise<string> {
  if (!findTool("buildah")) {
    const message = `cannot build ${recipe.dockerfile}: buildah is not installed`;
    throw new BandSoxError("image_builder_missing", message, { tool: "buildah" });
  }
  const { workDir } = options;
  const policy = join(workDir, "policy.json");
  const registries = join(workDir, "registries.conf");
  await writeFile(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  await writeFile(registries, REGISTRIES);
  const idFile = join(workDir, "image-id");
  const layout = join(workDir, "layout");
  const call = { ...options, recipe, env: { CONTAINERS_REGISTRIES_CONF: registries, TMPDIR: workDir } };
  await runBuildah(buildArgs(recipe, { policy, idFile }), call);
  const id = await readFile(idFile, "utf8");
  await runBuildah(
    ["push", "--quiet", "--signature-policy", policy, id.trim(), `oci:${layout}:latest`],
    call,
  );
  return `oci:${layout}:latest`;
}

/** Short names are Docker Hub's, as in Docker; registries on loopback may speak plain http, as for us. */
const REGISTRIES = `unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"
[[registry]]
location = "localhost"
insecure = true
[[registry]]
location = "127.0.0.1"
insecure = true
`;

/** Arguments of a build that needs neither a daemon nor privileges of its own: steps run in a chroot. */
export function buildArgs(
  { dockerfile, context, args, target, noCache }: BuildRecipe,
  { policy, idFile }: { readonly policy: string; readonly idFile: string },
): string[] {
  const assignments = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  const stage = target === undefined ? [] : ["--target", target];
  const how = ["--isolation", "chroot", "--force-rm", noCache ? "--no-cache" : "--layers"];
  const files = ["--signature-policy", policy, "--iidfile", idFile, "--file", dockerfile];
  return ["build", ...how, ...assignments, ...stage, ...files, context];
}

interface Call extends BuildahOptions {
  readonly recipe: BuildRecipe;
  readonly env: Readonly<Record<string, string>>;
}

/** The kernel ends buildah when this process dies; a build nobody waits for is not gone on with. */
async function runBuildah(args: readonly string[], call: Call): Promise<void> {
  const { storageDir, signal, onLine, recipe } = call;
  const storage = [
    "--root",
    join(storageDir, "root"),
    "--runroot",
    join(storageDir, "run"),
    "--storage-driver",
    "vfs",
  ];
  const child = execa("setpriv", ["--pdeathsig", "TERM", "--", "buildah", ...storage, ...args], {
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
