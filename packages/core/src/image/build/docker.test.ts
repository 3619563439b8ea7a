import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { afterEach, expect, test, vi } from "vitest";
import { buildWithDocker } from "./docker.ts";

afterEach(() => vi.unstubAllEnvs());

/** A `docker` on the search path that writes down its arguments; `build` ends with the given code. */
async function scriptedDocker(code = 0) {
  const directory = await temporaryDirectory();
  const log = join(directory.path, "calls");
  const program = `#!/bin/sh
echo "$@" >> ${log}
while [ $# -gt 0 ]; do
  case $1 in
    --iidfile) echo sha256:abc > "$2" ;;
    --output) echo an archive > "$2" ;;
    build) echo "#5 RUN make"; echo "make: *** no rule" >&2; exit_code=${code} ;;
  esac
  shift
done
exit \${exit_code:-0}
`;
  writeFileSync(join(directory.path, "docker"), program);
  chmodSync(join(directory.path, "docker"), 0o755);
  vi.stubEnv("PATH", `${directory.path}${delimiter}${process.env.PATH}`);
  const lines: string[] = [];
  const recipe = {
    ...{ dockerfile: "/src/Dockerfile", context: "/src", args: { WHO: "us me" }, target: "web" },
    noCache: true,
  };
  const options = { workDir: directory.path, onLine: (line: string) => void lines.push(line) };
  return {
    ...{ recipe, options, lines, path: directory.path },
    calls: () => readFileSync(log, "utf8").trim().split("\n"),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

test("the image that was built is saved as an archive, by its id", async () => {
  await using docker = await scriptedDocker();
  const source = await buildWithDocker("docker", docker.recipe, docker.options);
  expect(source).toBe(`docker-archive:${docker.path}/image.tar`);
  expect(readFileSync(`${docker.path}/image.tar`, "utf8")).toBe("an archive\n");
  const [build, save, ...more] = docker.calls();
  expect(build).toBe(
    `build --no-cache --build-arg WHO=us me --target web --iidfile ${docker.path}/image-id --file /src/Dockerfile /src`,
  );
  expect([save, more]).toEqual([`save --output ${docker.path}/image.tar sha256:abc`, []]);
  expect(docker.lines).toContain("#5 RUN make");
});

test("a build that fails is told with its last words, and nothing is saved", async () => {
  await using docker = await scriptedDocker(2);
  await expect(buildWithDocker("docker", docker.recipe, docker.options)).rejects.toMatchObject({
    code: "image_build_failed",
    details: { output: expect.stringContaining("make: *** no rule") },
  });
  expect(docker.calls()).toHaveLength(1);
});
