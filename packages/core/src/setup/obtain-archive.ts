import { join } from "node:path";
import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import { download, downloadText } from "./download.ts";
import { parseKernelLocation, sha256OfFile } from "./given-kernel.ts";
import type { OnSetupStep, SetupStep } from "./setup-step.ts";

const ARCHIVE_LIMIT_BYTES = 256 * 1024 * 1024;

/** A release's archive that the user names, or leaves to us. */
export interface GivenRelease {
  /** `http:`, `https:` or `file:` address, or a path (default: the pinned release at GitHub) */
  readonly url?: string | undefined;
  /** What it must hash to, in hex (default: what is published beside it, for the default archive; else unchecked) */
  readonly sha256?: string | undefined;
}

export interface ObtainArchiveOptions {
  readonly given: GivenRelease;
  /** Where the checksum of the default archive is published */
  readonly checksumUrl: string;
  /** Directory that receives what is downloaded */
  readonly dir: string;
  readonly step: SetupStep["step"];
  readonly report: OnSetupStep;
  readonly signal?: AbortSignal | undefined;
  /** The failure when it cannot be had */
  unavailable(reason: string, cause?: unknown): BandSoxError;
}

/** A release's archive on this machine, verified. @returns its path */
export async function obtainArchive(url: string, options: ObtainArchiveOptions): Promise<string> {
  const { given, dir, step, report, signal, unavailable } = options;
  try {
    const location = parseKernelLocation(url);
    const path = location.kind === "file" ? location.path : join(dir, "archive.tgz");
    if (location.kind === "remote") {
      const onFraction = (fraction: number) =>
        report({ step, state: "progress", text: `downloading ${url}`, fraction });
      await download(url, { path, limitBytes: ARCHIVE_LIMIT_BYTES, onFraction, signal });
    }
    const expected = given.sha256 ?? (given.url === undefined ? await published(options) : undefined);
    const found = await sha256OfFile(path, signal);
    if (expected !== undefined && expected.toLowerCase() !== found) {
      const details = { source: url, expected: expected.toLowerCase(), found };
      throw new BandSoxError("checksum_mismatch", `${url} hashes to ${found}, not to ${expected}`, details);
    }
    return path;
  } catch (error) {
    if (isBandSoxError(error, "kernel_unavailable")) throw unavailable(error.message, error);
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw unavailable(`there is no file ${url}`, error);
    throw error;
  }
}

/** The checksum published beside a release. */
async function published({ checksumUrl, signal, unavailable }: ObtainArchiveOptions): Promise<string> {
  const text = await downloadText(checksumUrl, signal);
  const hash = /^([0-9a-f]{64})\b/i.exec(text)?.[1];
  if (hash === undefined) throw unavailable(`${checksumUrl} holds no checksum`);
  return hash;
}
