import { createHash } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { findTool } from "../../host/find-tool.ts";
import type { StoragePaths } from "../../host/paths.ts";
import type { ImageGuard } from "../../store/image-guard.ts";
import type { ImageRecord } from "../../store/image-records.ts";
import type { Staging } from "../../store/staging.ts";
import { parseImageSource } from "../image-source.ts";
import type { FetchOptions, ImageStore } from "../image-store.ts";
import { buildWithBuildah } from "./buildah.ts";
import { buildWithDocker, type DockerLike } from "./docker.ts";
import { assertBuildWords, type BuildRecipe } from "./recipe.ts";
import type { BuilderCall, OnBuildLine } from "./run-builder.ts";

export interface BuildOptions extends Pick<FetchOptions, "signal" | "onEvent"> {
  /** Name of the image (default: one made of the Dockerfile and its context) */
  readonly name?: string | undefined;
  /** The only directory the build reads from (default: the Dockerfile's; none for a text) */
  readonly context?: string | undefined;
  /** `ARG` values */
  readonly args?: Readonly<Record<string, string>> | undefined;
  /** Stage to stop at (default: the last) */
  readonly target?: string | undefined;
  /** Run every step again (default: `false`) */
  readonly noCache?: boolean | undefined;
  /** Called with each line of the build's output */
  readonly onLine?: OnBuildLine | undefined;
}

export interface BuilderPorts {
  readonly paths: StoragePaths;
  readonly store: Pick<ImageStore, "import">;
  readonly guard: ImageGuard;
  readonly staging: Staging;
}

/**
 * Builds an image from a Dockerfile, given as a path, or as text when it has more than one line. The name points at the
 * new image once all of it is in the store; a build that fails leaves it where it was.
 *
 * @throws {BandSoxError} `invalid_argument`, `image_builder_missing`, `image_build_failed`, `image_…`, `interrupted`
 */
export async function buildImage(
  ports: BuilderPorts,
  dockerfile: string,
  options: BuildOptions = {},
): Promise<{ name: string; record: ImageRecord }> {
  assertBuildWords(options);
  const name = options.name ?? defaultName(dockerfile, options);
  const { reference } = parseImageSource(name);
  await using work = await ports.staging.open();
  const files = await locate(dockerfile, { workDir: work.dir, context: options.context });
  const { args = {}, target, noCache, onLine = () => {}, signal, onEvent } = options;
  const build = async () => {
    using _lease = await ports.guard.use(`build:${reference}`, signal);
    const recipe = { ...files, args, target, noCache };
    return await buildWithWhatIsThere(ports.paths, recipe, { workDir: work.dir, onLine, signal });
  };
  const source = await build();
  return { name, record: await ports.store.import(source, name, { signal, onEvent }) };
}

/** The builders, the one that needs neither a daemon nor its own privileges first. */
const BUILDERS = ["buildah", "docker", "podman"] as const satisfies readonly ("buildah" | DockerLike)[];

async function buildWithWhatIsThere(
  paths: StoragePaths,
  recipe: BuildRecipe,
  call: Omit<BuilderCall, "recipe" | "env">,
): Promise<string> {
  const builder = BUILDERS.find(findTool);
  if (!builder) {
    const message = `cannot build ${recipe.dockerfile}: none of ${BUILDERS.join(", ")} is installed`;
    throw new BandSoxError("image_builder_missing", message, { tool: BUILDERS[0] });
  }
  if (builder !== "buildah") return buildWithDocker(builder, recipe, call);
  const storageDir = buildDir(paths);
  await mkdir(storageDir, { recursive: true, mode: 0o700 });
  return buildWithBuildah(recipe, { ...call, storageDir });
}

/** Where buildah keeps what makes the next build quick. */
export function buildDir(paths: StoragePaths): string {
  return join(paths.root, "build");
}

async function locate(
  dockerfile: string,
  { workDir, context }: { readonly workDir: string; readonly context: string | undefined },
): Promise<{ dockerfile: string; context: string }> {
  if (!isText(dockerfile)) {
    const path = resolve(dockerfile);
    await assertKind(path, "file");
    return { dockerfile: path, context: await directory(context ?? dirname(path)) };
  }
  const [path, empty] = [join(workDir, "Dockerfile"), join(workDir, "context")];
  await writeFile(path, dockerfile);
  await mkdir(empty);
  return { dockerfile: path, context: context === undefined ? empty : await directory(context) };
}

async function directory(path: string): Promise<string> {
  await assertKind(resolve(path), "directory");
  return resolve(path);
}

async function assertKind(path: string, kind: "file" | "directory"): Promise<void> {
  const info = await stat(path).catch(() => undefined); // absent: told below
  if (kind === "file" ? info?.isFile() : info?.isDirectory()) return;
  const field = kind === "file" ? "dockerfile" : "context";
  const message = `cannot build an image: ${path} is ${info ? `no ${kind}` : "not there"}`;
  throw new BandSoxError("invalid_argument", message, { field, found: path });
}

function isText(dockerfile: string): boolean {
  return dockerfile.includes("\n");
}

/** The same Dockerfile with the same arguments keeps its name, and so replaces the image it made before. */
function defaultName(dockerfile: string, { context, args, target }: BuildOptions): string {
  const file = isText(dockerfile) ? dockerfile : resolve(dockerfile);
  const identity = JSON.stringify([
    file,
    context === undefined ? "" : resolve(context),
    args ?? {},
    target ?? "",
  ]);
  return `localhost/dockerfile:${createHash("sha256").update(identity).digest("hex").slice(0, 16)}`;
}
