/**
 * A stand-in for the `jailer` program: its command line, its directory, its checks. What it starts has the jail for its
 * working directory and not for its root, because the guest behind the double needs the host's QEMU; whether the user it
 * would run as can open what is in the jail is tried as that user.
 */
import { execFileSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

const DIRECTORY_MODE = 0o700;
const LIMITS = ["fsize", "no-file"];

function main(argv: readonly string[]): void {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      id: { type: "string" },
      "exec-file": { type: "string" },
      uid: { type: "string" },
      gid: { type: "string" },
      "chroot-base-dir": { type: "string", default: "/srv/jailer" },
      "cgroup-version": { type: "string", default: "1" },
      "parent-cgroup": { type: "string" },
      cgroup: { type: "string", multiple: true, default: [] },
      "resource-limit": { type: "string", multiple: true, default: [] },
      netns: { type: "string" },
    },
  });
  const { id = "", uid = "", gid = "" } = values;
  const execFile = realpathSync(values["exec-file"] ?? "");
  demand(/^[A-Za-z0-9-]{1,64}$/.test(id), `Invalid instance ID: ${id}`);
  demand(/^\d+$/.test(uid) && /^\d+$/.test(gid), `Failed to parse uid or gid: ${uid} ${gid}`);
  demand(statSync(values["chroot-base-dir"]).isDirectory(), "the chroot base is not a directory");
  for (const one of values.cgroup)
    demand(/^[a-z]+\.[a-z.]+=.+$/.test(one), `Invalid format for cgroups: ${one}`);
  for (const limit of values["resource-limit"]) {
    const [name = "", value = ""] = limit.split("=");
    demand(LIMITS.includes(name) && /^\d+$/.test(value), `Invalid value for resource limit: ${limit}`);
  }
  const root = join(values["chroot-base-dir"], basename(execFile), id, "root");
  mkdirSync(root, { recursive: true });
  chmodSync(root, DIRECTORY_MODE);
  chownSync(root, Number(uid), Number(gid));
  copyFileSync(execFile, join(root, basename(execFile)));
  process.chdir(root);
  checkAsUser({ uid, gid });
  checkTaps({ uid, gid });
  showOwnProcesses();
  const now = `${Date.now() * 1000}`;
  const args = ["--id", id, "--start-time-us", now, "--start-time-cpu-us", "0", ...positionals];
  process.execve?.(execFile, [execFile, ...args], { PATH: process.env.PATH ?? "" });
}

/** Tries everything in the jail as the user of the VMM: shared files may be read, its own written, and nothing else. */
function checkAsUser({ uid, gid }: { uid: string; gid: string }): void {
  const script =
    'for f in *; do [ -r "$f" ] || { echo "$f cannot be read" >&2; exit 1; }; done; ' +
    'for f in layer.ext4 *.pipe; do [ -w "$f" ] || { echo "$f cannot be written" >&2; exit 1; }; done; ' +
    'for f in base.ext4 vmlinux from.memory; do [ ! -w "$f" ] || { echo "$f can be written" >&2; exit 1; }; done';
  const become = [
    "--reuid",
    uid,
    "--regid",
    gid,
    "--clear-groups",
    "--inh-caps=-all",
    "--",
    "sh",
    "-c",
    script,
  ];
  execFileSync("setpriv", become, { stdio: ["ignore", "inherit", "inherit"] });
  accessSync("layer.ext4");
}

/** TAP devices of another user's cannot be opened without rights on networks, which the jail takes away. */
function checkTaps({ uid, gid }: { uid: string; gid: string }): void {
  const devices = readFileSync("/proc/self/net/dev", "utf8").matchAll(/^ *(\S+):/gm);
  for (const [, name = ""] of devices) {
    const [link] = JSON.parse(
      execFileSync("ip", ["-N", "-j", "-d", "link", "show", "dev", name], { encoding: "utf8" }),
    );
    if (link?.linkinfo?.info_kind !== "tun") continue;
    const { user = uid, group = gid } = link.linkinfo.info_data;
    demand(
      `${user}` === uid && `${group}` === gid,
      `Open tap device failed: Operation not permitted (os error 1): ${name} is user ${user}'s, not ${uid}'s`,
    );
  }
}

/** The guest behind the double is saved by way of `/proc`, which shows the processes of another namespace here. */
function showOwnProcesses(): void {
  if (readlinkSync("/proc/self") === `${process.pid}`) return;
  execFileSync("mount", ["-t", "proc", "proc", "/proc"], { stdio: ["ignore", "inherit", "inherit"] });
}

function demand(ok: boolean, why: string): void {
  if (ok) return;
  process.stderr.write(`Error: ${why}\n`);
  process.exit(1);
}

main(process.argv.slice(2));
