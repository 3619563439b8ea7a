// Measures BandSox beside microsandbox on this machine, turn by turn. Arguments: the directory in which `npm install
// microsandbox` has been run; `--quick` for small sizes. Needs KVM: where there is none, scripts/kvm-lab.sh has one.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BandSox } from "bandsox";
import { busyboxRoot, storageIn } from "./ground.ts";
import { hostStamp } from "./host.ts";
import { ours } from "./peers/bandsox.ts";
import { microsandbox } from "./peers/microsandbox.ts";
import { peerTable, sideBySide } from "./peers/side-by-side.ts";

const REPOSITORY = resolve(import.meta.dirname, "..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" } },
});
const [installedIn] = positionals;
if (!installedIn) {
  process.stderr.write(
    "usage: bench/peer.ts DIRECTORY [--quick]; in DIRECTORY `npm install microsandbox` has been run\n",
  );
  process.exit(2);
}
const dir = await mkdtemp(join(tmpdir(), "bandsox-peers-"));
try {
  await using bandsox = new BandSox({ storageDir: await storageIn(dir), network: { byDefault: false } });
  const { version } = JSON.parse(await readFile(join(REPOSITORY, "packages/bandsox/package.json"), "utf8"));
  const peer = await microsandbox(resolve(installedIn));
  const systems = [ours(bandsox, version, "golden"), ours(bandsox, version, "cold"), peer];
  const extent = values.quick
    ? { rounds: 1, commands: 3, mebibytes: 1 }
    : { rounds: 5, commands: 30, mebibytes: 64 };
  const results = await sideBySide(systems, { rootDir: await busyboxRoot(dir), dir, extent });
  const out = join(REPOSITORY, "build/bench/peers.json");
  await mkdir(join(out, ".."), { recursive: true });
  await writeFile(out, `${JSON.stringify({ host: hostStamp(REPOSITORY), extent, results }, null, 2)}\n`);
  process.stdout.write(`${peerTable(results)}\n`);
} finally {
  await rm(dir, { recursive: true, force: true });
}
