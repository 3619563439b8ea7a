import { Command } from "@commander-js/extra-typings";
import { init, type SetupStep } from "bandsox";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";

const CLEAR_LINE = "\r\u001b[2K";
const PERCENT = 100;

/** `bandsox init`: the guest kernel and the initramfs. */
export function initCommand(context: CliContext) {
  return new Command("init")
    .description("set the storage up: guest kernel and initramfs; what is there is kept")
    .option(
      "--kernel-url <url>",
      "kernel to use: a path, file:// or http(s):// (default: Firecracker's, else the distribution's)",
    )
    .option("--kernel-sha256 <hex>", "what that file must hash to")
    .option("-f, --force", "look for a kernel even though one is installed")
    .option(...STORAGE_OPTION)
    .action(async ({ kernelUrl, kernelSha256, force, storage }) => {
      const files = await init({
        storageDir: storage,
        kernel: kernelUrl === undefined ? undefined : { url: kernelUrl, sha256: kernelSha256 },
        refresh: force,
        onProgress: (step) => void context.stderr.write(stepLine(step, context.stderr.isTty)),
        signal: context.signal,
      });
      await context.stdout.write(`ready: kernel ${files.kernelRelease}\n`);
    });
}

/** A step as text: progress rewrites its line on a terminal and is left out elsewhere. */
export function stepLine({ step, state, text, fraction }: SetupStep, isTty: boolean): string {
  const start = isTty ? CLEAR_LINE : "";
  if (state !== "progress") return `${start}${step}: ${state === "failed" ? "no luck: " : ""}${text}\n`;
  if (!isTty) return "";
  return `${start}${step}: ${text}${fraction === undefined ? "" : ` ${Math.floor(fraction * PERCENT)} %`}`;
}
