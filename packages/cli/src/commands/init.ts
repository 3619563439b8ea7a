import type { InitResult, SetupStep } from "bandsox";
import { localCommand } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { progressOutput } from "../print/progress-output.ts";
import { tell } from "../print/tell.ts";

const CLEAR_LINE = "\r\u001b[2K";
const PERCENT = 100;

/** `bandsox init`: the guest kernel and the initramfs. */
export function initCommand(context: CliContext) {
  return localCommand("init")
    .description(
      "set the storage up: guest kernel, initramfs, Firecracker, CNI plugins, and a root file system if one is given; what is there is kept",
    )
    .option(
      "--kernel-url <url>",
      "kernel to use: a path, file:// or http(s):// (default: Firecracker's, else the distribution's)",
    )
    .option("--kernel-sha256 <hex>", "what that file must hash to")
    .option("--skip-kernel", "leave the kernel as it is, or absent")
    .option(
      "--rootfs-url <url>",
      "ext4 disk or tar to keep as the image bandsox-base: a path, file:// or http(s):// (default: none is needed)",
    )
    .option("--rootfs-sha256 <hex>", "what that file must hash to")
    .option("--skip-rootfs", "leave bandsox-base as it is, or absent")
    .option(
      "--firecracker-url <url>",
      "Firecracker release to install: a path, file:// or http(s):// (default: the pinned one, where KVM works)",
    )
    .option("--firecracker-sha256 <hex>", "what that file must hash to")
    .option("--skip-firecracker", "leave Firecracker as it is, or absent")
    .option(
      "--cni-url <url>",
      "release of the CNI plugins to install: a path, file:// or http(s):// (default: a pinned one, where there are none yet)",
    )
    .option("--cni-sha256 <hex>", "what that file must hash to")
    .option("--cni-dir <dir>", "where to install them (default: under the storage)")
    .option("--skip-cni", "leave CNI plugins as they are, or absent")
    .option(
      "--kernel-output <path>",
      "accepted for scripts of earlier versions: kernels are kept by what they hash to",
    )
    .option(
      "--rootfs-output <path>",
      "accepted for scripts of earlier versions: it is kept as the image bandsox-base",
    )
    .option("-f, --force", "look for a kernel, and fetch the root file system, even though there is one")
    .addHelpText("after", EXAMPLES)
    .action(async ({ kernelUrl, kernelSha256, rootfsUrl, rootfsSha256, ...options }) => {
      const { init } = await import("bandsox");
      const progress = progressOutput(context, options);
      const done = await init({
        storageDir: options.storage,
        kernel: given(kernelUrl, kernelSha256),
        skipKernel: options.skipKernel,
        rootfs: options.skipRootfs ? undefined : given(rootfsUrl, rootfsSha256),
        firecracker: given(options.firecrackerUrl, options.firecrackerSha256),
        skipFirecracker: options.skipFirecracker,
        cni: givenCni(options),
        skipCni: options.skipCni,
        refresh: options.force,
        onProgress: (step) => void progress.write(stepLine(step, progress.isTty)),
        signal: context.signal,
      });
      await tell(context, options, whatIsReady(done));
    });
}

/** A file the user names, with what it must hash to. */
function given(url: string | undefined, sha256: string | undefined) {
  return url === undefined ? undefined : { url, sha256 };
}

/** CNI plugins the user names, or wants somewhere. */
function givenCni({ cniUrl: url, cniSha256: sha256, cniDir: dir }: CniOptions) {
  return url === undefined && sha256 === undefined && dir === undefined ? undefined : { url, sha256, dir };
}

interface CniOptions {
  readonly cniUrl?: string | undefined;
  readonly cniSha256?: string | undefined;
  readonly cniDir?: string | undefined;
}

function whatIsReady({ bootFiles, firecrackerVersion, cniDir, rootfsDigest }: InitResult) {
  const kernelRelease = bootFiles?.kernelRelease;
  const lines = [
    kernelRelease === undefined ? "" : `ready: kernel ${kernelRelease}\n`,
    firecrackerVersion === undefined ? "" : `ready: Firecracker ${firecrackerVersion}\n`,
    cniDir === undefined ? "" : `ready: CNI plugins in ${cniDir}\n`,
    rootfsDigest === undefined ? "" : `ready: bandsox-base ${rootfsDigest}\n`,
  ];
  return { json: { kernelRelease, firecrackerVersion, cniDir, rootfsDigest }, text: lines.join("") };
}

const EXAMPLES = `
Examples:
  bandsox init
  bandsox init --rootfs-url ./bandsox-base.ext4
  bandsox init --kernel-url ./vmlinux --kernel-sha256 9f86d0…`;

/** A step as text: progress rewrites its line on a terminal and is left out elsewhere. */
export function stepLine({ step, state, text, fraction }: SetupStep, isTty: boolean): string {
  const start = isTty ? CLEAR_LINE : "";
  if (state !== "progress") return `${start}${step}: ${state === "failed" ? "no luck: " : ""}${text}\n`;
  if (!isTty) return "";
  return `${start}${step}: ${text}${fraction === undefined ? "" : ` ${Math.floor(fraction * PERCENT)} %`}`;
}
