import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildRecipe, commonBuildArgs } from "./recipe.ts";
import { type BuilderCall, runBuilder } from "./run-builder.ts";

/** Builders that are spoken to alike; with Docker the work is BuildKit's, in its daemon. */
export type DockerLike = "docker" | "podman";

/**
 * Builds a Dockerfile with the user's Docker or Podman, whose cache it fills, and saves the result as an archive. The
 * image stays in their store without a name.
 *
 * @returns the image, as a source the store reads
 * @throws {BandSoxError} `image_build_failed`, `interrupted`
 */
export async function buildWithDocker(
  tool: DockerLike,
  recipe: BuildRecipe,
  options: Omit<BuilderCall, "recipe" | "env">,
): Promise<string> {
  const idFile = join(options.workDir, "image-id");
  const archive = join(options.workDir, "image.tar");
  const call = { ...options, recipe, env: { DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" } };
  const how = recipe.noCache ? ["--no-cache"] : [];
  const files = ["--iidfile", idFile, "--file", recipe.dockerfile];
  await runBuilder(tool, ["build", ...how, ...commonBuildArgs(recipe), ...files, recipe.context], call);
  await runBuilder(tool, ["save", "--output", archive, (await readFile(idFile, "utf8")).trim()], call);
  return `docker-archive:${archive}`;
}
