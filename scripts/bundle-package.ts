import { createHash } from "node:crypto";
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { type OutputAsset, type OutputChunk, rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";

const ROOT = resolve(import.meta.dirname, "..");
const ARCHITECTURES = ["x64", "arm64"] as const;
const HELPERS = ["agent", "supervise", "image", "snapshot", "network"] as const;
const PARTS = ["bandsox", "client", "contract", "core", "server"] as const;
/** What stays a dependency of the package: finds files of its own, or has types that are in ours. The rest becomes part of it. */
const EXTERNAL = /^(fastify|undici|@fastify\/.+)$/;
/** The most that is unpacked without being asked to: 128 MiB back */
const WINDOW_LOG = 27;
const VERIFY = "verify-";
const ENTRIES = {
  index: "packages/bandsox/src/index.ts",
  client: "packages/client/src/index.ts",
  server: "packages/server/src/index.ts",
};

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Writes what `npm pack` packs: the library, the client, the server, the command line, the dashboard, the helpers. */
async function bundlePackage(helpersDir: string, into: string): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const manifests = await Promise.all(PARTS.map((part) => readManifest(join(ROOT, "packages", part))));
  const dependencies = Object.fromEntries(
    manifests
      .flatMap(({ dependencies = {} }) => Object.entries(dependencies))
      .filter(([name]) => EXTERNAL.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const external = Object.keys(dependencies).map(withSubpaths);
  await bundleTypes(into, external);
  const modules = [...(await bundleLibrary(into, external)), ...(await bundleCommandLine(into))];
  await cp(join(ROOT, "packages/dashboard/dist"), join(into, "dashboard/dist"), {
    recursive: true,
    filter: (path) => !path.endsWith(".stamp"),
  });
  for (const arch of ARCHITECTURES)
    await packHelpers(join(helpersDir, arch), join(into, `dist/helpers/linux-${arch}`));
  await writeFile(
    join(into, "THIRD-PARTY-LICENSES.txt"),
    await licences(new Set(modules.flatMap(packageOf))),
  );
  for (const file of ["README.md", "LICENSE"]) await cp(join(ROOT, file), join(into, file));
  await writeManifest(into, dependencies);
}

async function readManifest(dir: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
}

/** @returns the modules that became part of it */
async function bundleLibrary(into: string, external: RegExp[]): Promise<string[]> {
  const verifications = (await readdir(join(ROOT, "verification"))).filter((file) => file.startsWith(VERIFY));
  const entries = [
    ...Object.entries(ENTRIES),
    ["bench", "bench/main.ts"] as const,
    ...verifications.map((file) => [file.replace(/\.ts$/, ""), `verification/${file}`] as const),
  ];
  await using build = await rolldown({
    input: Object.fromEntries(entries.map(([name, path]) => [name, join(ROOT, path)])),
    platform: "node",
    external,
    resolve: { conditionNames: ["bandsox-source", "import", "node", "default"] },
    logLevel: "warn",
  });
  const { output } = await build.write({
    dir: join(into, "dist"),
    format: "esm",
    entryFileNames: ({ name }) => {
      if (name === "bench") return "bench/main.js";
      return name.startsWith(VERIFY) ? "verification/[name].js" : "lib/[name].js";
    },
    chunkFileNames: "lib/[name]-[hash].js",
  });
  return modulesOf(output);
}

/** The declarations of zod go along as they are: a bundler loses comments that their compiler needs. */
const ZOD_BESIDE = {
  name: "zod-beside",
  resolveId: (id: string) => (id === "zod" ? { id: "./zod/index.js", external: true } : null),
};

/** Of the directory of zod: itself, its fourth version with what is below, and only declarations of ES modules there */
const ZOD_DECLARATIONS = /^$|^\/index\.d\.ts$|^\/v4(\/[^.]+)?(\/[^/]+\.d\.ts)?$/;

/** From the declarations `tsc -b` has written. */
async function bundleTypes(into: string, external: RegExp[]): Promise<void> {
  const declarations = (name: "index" | "client") =>
    join(ROOT, ENTRIES[name].replace("/src/", "/dist/").replace(/\.ts$/, ".d.ts"));
  await using build = await rolldown({
    input: { index: declarations("index"), client: declarations("client") },
    external,
    resolve: { conditionNames: ["types", "import", "default"] },
    plugins: [ZOD_BESIDE, dts({ dtsInput: true })],
    logLevel: "warn",
  });
  await build.write({ dir: join(into, "dist/lib"), format: "esm", chunkFileNames: "types-[hash].d.ts" });
  const zod = join(ROOT, "node_modules/zod");
  await cp(zod, join(into, "dist/lib/zod"), {
    recursive: true,
    filter: (path) => ZOD_DECLARATIONS.test(path.slice(zod.length)),
  });
}

/** @returns the modules that became part of it */
async function bundleCommandLine(into: string): Promise<string[]> {
  await using build = await rolldown({
    input: join(ROOT, "packages/cli/src/main.ts"),
    platform: "node",
    resolve: { conditionNames: ["bandsox-source", "import", "node", "default"] },
    plugins: [
      {
        name: "server-of-the-package",
        resolveId: (id) => (id === "@bandsox/server" ? { id: "../lib/server.js", external: true } : null),
      },
    ],
    logLevel: "warn",
  });
  const { output } = await build.write({
    dir: join(into, "dist/cli"),
    format: "esm",
    entryFileNames: "main.js",
    chunkFileNames: "[name]-[hash].js",
  });
  await mkdir(join(into, "bin"));
  await cp(join(ROOT, "packages/bandsox/bin/bandsox.js"), join(into, "bin/bandsox.js"));
  await chmod(join(into, "bin/bandsox.js"), 0o755);
  return modulesOf(output);
}

function modulesOf(output: readonly (OutputAsset | OutputChunk)[]): string[] {
  return output.flatMap((one) => (one.type === "chunk" ? one.moduleIds : []));
}

function packageOf(moduleId: string): string[] {
  const dir = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(moduleId)?.[1];
  return dir === undefined ? [] : [dir];
}

function withSubpaths(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.\\/]/g, "\\$&")}(/|$)`);
}

/** Compresses the helpers of one architecture, as one, for they have most in common, and writes down what they unpack to. */
async function packHelpers(from: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  const files: { name: string; sha256: string; bytes: number }[] = [];
  const contents: Buffer[] = [];
  for (const name of HELPERS.map((helper) => `bandsox-${helper}`)) {
    const content = await readFile(join(from, name));
    const sha256 = createHash("sha256").update(content).digest("hex");
    files.push({ name, sha256, bytes: content.length });
    contents.push(content);
  }
  const packed = zstdCompressSync(Buffer.concat(contents), {
    params: {
      [constants.ZSTD_c_compressionLevel]: 12,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
    },
  });
  await writeFile(join(into, "helpers.zst"), packed);
  await writeFile(join(into, "manifest.json"), `${JSON.stringify({ files }, null, 2)}\n`);
}

/** The licences of what the command line's bundle holds of others. */
async function licences(dirs: ReadonlySet<string>): Promise<string> {
  const texts: string[] = [];
  for (const dir of [...dirs].sort()) {
    const { name, version, license } = await readManifest(dir);
    const file = (await readdir(dir)).find((one) => /^licen[cs]e/i.test(one));
    const text = file === undefined ? "" : `\n${(await readFile(join(dir, file), "utf8")).trim()}\n`;
    texts.push(`${name} ${version} (${license})\n${text}`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

async function writeManifest(into: string, dependencies: Record<string, string>): Promise<void> {
  const {
    exports: _,
    files: __,
    dependencies: ___,
    ...rest
  } = await readManifest(join(ROOT, "packages/bandsox"));
  const entry = (name: string) => ({ types: `./dist/lib/${name}.d.ts`, default: `./dist/lib/${name}.js` });
  const manifest = {
    ...rest,
    os: ["linux"],
    bin: { bandsox: "bin/bandsox.js" },
    exports: { ".": entry("index"), "./client": entry("client"), "./package.json": "./package.json" },
    files: ["bin", "dist", "dashboard", "THIRD-PARTY-LICENSES.txt"],
    dependencies,
  };
  await writeFile(join(into, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

const [helpersDir, into] = process.argv.slice(2);
if (helpersDir === undefined || into === undefined)
  throw new Error("usage: bundle-package.ts <helpers> <into>");
await bundlePackage(resolve(helpersDir), resolve(into));
process.stdout.write(`${relative(ROOT, dirname(join(resolve(into), "package.json")))}\n`);
