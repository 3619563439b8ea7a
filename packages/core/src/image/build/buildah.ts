import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildRecipe, commonBuildArgs } from "./recipe.ts";
import { type BuilderCall, runBuilder } from "./run-builder.ts";

export interface BuildahOptions extends Omit<BuilderCall, "recipe" | "env"> {
  /** Where buildah keeps its layers between builds; ours alone, so the user's own containers are not touched */
  readonly storageDir: string;
}

/**
 * Builds a Dockerfile without a daemon and writes the result as an OCI layout.
 *
 * @returns the image, as a source the store reads
 * @throws {BandSoxError} `image_build_failed`, `interrupted`
 */
export async function buildWithBuildah(recipe: BuildRecipe, options: BuildahOptions): Promise<string> {
  const { workDir, storageDir } = options;
  const policy = join(workDir, "policy.json");
  const registries = join(workDir, "registries.conf");
  await writeFile(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  await writeFile(registries, REGISTRIES);
  const idFile = join(workDir, "image-id");
  const layout = join(workDir, "layout");
  const call = { ...options, recipe, env: { CONTAINERS_REGISTRIES_CONF: registries, TMPDIR: workDir } };
  const [root, runRoot] = [join(storageDir, "root"), join(storageDir, "run")];
  const storage = ["--root", root, "--runroot", runRoot, "--storage-driver", "vfs"];
  await runBuilder("buildah", [...storage, ...buildArgs(recipe, { policy, idFile })], call);
  const id = (await readFile(idFile, "utf8")).trim();
  const push = ["push", "--quiet", "--signature-policy", policy, id, `oci:${layout}:latest`];
  await runBuilder("buildah", [...storage, ...push], call);
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
  recipe: BuildRecipe,
  { policy, idFile }: { readonly policy: string; readonly idFile: string },
): string[] {
  const how = ["--isolation", "chroot", "--force-rm", recipe.noCache ? "--no-cache" : "--layers"];
  const files = ["--signature-policy", policy, "--iidfile", idFile, "--file", recipe.dockerfile];
  return ["build", ...how, ...commonBuildArgs(recipe), ...files, recipe.context];
}
