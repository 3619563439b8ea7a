import { access, constants, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { findTool } from "../host/find-tool.ts";
import { run } from "../host/run.ts";
import type { DoctorCheck } from "./doctor-check.ts";

const VERSION_TIMEOUT_MS = 5_000;

export interface ToolExpectation {
  readonly level: DoctorCheck["level"];
  /** The Debian package that has it */
  readonly package?: string;
  /** Arguments that make it print its version (default: it is not asked) */
  readonly versionArgs?: readonly string[];
  /** Added to what was found */
  readonly note?: string;
  /** In place of installing the package */
  readonly remedy?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Looks for a program and asks its version. */
export async function checkTool(name: string, expected: ToolExpectation): Promise<DoctorCheck> {
  const path = findTool(name);
  const note = expected.note ? ` (${expected.note})` : "";
  if (!path) {
    const remedy = expected.remedy ?? `apt-get install ${expected.package ?? name}`;
    return { id: name, level: expected.level, ok: false, found: `not installed${note}`, remedy };
  }
  const version =
    expected.versionArgs && (await askVersion(path, { args: expected.versionArgs, signal: expected.signal }));
  return { id: name, level: expected.level, ok: true, found: `${version ?? path}${note}` };
}

async function askVersion(
  path: string,
  { args, signal }: { args: readonly string[]; signal?: AbortSignal | undefined },
): Promise<string> {
  try {
    const { stdout, stderr } = await run(path, args, { signal, timeoutMs: VERSION_TIMEOUT_MS });
    return `${stdout}\n${stderr}`.trim().split("\n")[0] || path;
  } catch (error) {
    return `${path}, which does not tell its version: ${(error as Error).message}`;
  }
}

/** Looks for one of our Go helpers. */
export async function checkHelper(name: string, path: string): Promise<DoctorCheck> {
  const base = { id: `helper-${name}`, level: "required" } as const;
  const isBuilt = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (isBuilt) return { ...base, ok: true, found: path };
  return { ...base, ok: false, found: `not built: ${path}`, remedy: "make setup" };
}

/** Reports whether files of many owners can be written into a disk: as root, or in a user namespace with subordinate ids. */
export async function checkIdentity(
  evidence: { uid: number; hasNewuidmap: boolean; hasSubordinateIds: boolean } | undefined = undefined,
): Promise<DoctorCheck> {
  const { uid, hasNewuidmap, hasSubordinateIds } = evidence ?? (await identityEvidence());
  const base = { id: "identity", level: "advised" } as const;
  if (uid === 0) return { ...base, ok: true, found: "root" };
  if (hasNewuidmap && hasSubordinateIds)
    return { ...base, ok: true, found: "a user with subordinate ids (newuidmap)" };
  if (!hasNewuidmap) {
    return { ...base, ok: false, found: `uid ${uid} without newuidmap`, remedy: "apt-get install uidmap" };
  }
  const remedy = `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${userInfo().username}`;
  return { ...base, ok: false, found: `uid ${uid} has no range in /etc/subuid`, remedy };
}

async function identityEvidence() {
  const subuid = await readFile("/etc/subuid", "utf8").catch(() => ""); // absent means no ranges
  const { uid, username } = userInfo();
  const names = subuid.split("\n").map((line) => line.split(":")[0]);
  const hasSubordinateIds = names.includes(username) || names.includes(String(uid));
  return { uid, hasNewuidmap: findTool("newuidmap") !== undefined, hasSubordinateIds };
}
