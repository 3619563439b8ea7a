import type { OnSetupStep } from "./setup-step.ts";

/** Where a kernel came from, kept in its manifest. */
export interface KernelOrigin {
  readonly kind: "given" | "firecracker" | "distribution";
  /** The address, path or packages and versions */
  readonly location: string;
}

/** A kernel as a source delivers it, in the directory it was given. */
export interface ObtainedKernel {
  /** bzImage, vmlinux or arm64 Image */
  readonly imagePath: string;
  /** The directory holding `lib/modules`, when the kernel has modules */
  readonly modulesBase?: string;
  readonly origin: KernelOrigin;
}

export interface ObtainOptions {
  /** An empty directory for whatever the source needs; the caller removes it */
  readonly dir: string;
  readonly onProgress: OnSetupStep;
  readonly signal?: AbortSignal | undefined;
}

/** One place a kernel can come from. */
export interface KernelSource {
  /** For people, e.g. `Firecracker's published kernel` */
  readonly name: string;
  obtain(options: ObtainOptions): Promise<ObtainedKernel>;
}

/** The two architectures guests run on, by the names of those who publish kernels. */
export const ARCHITECTURES = {
  x64: { kernel: "x86_64", debian: "amd64" },
  arm64: { kernel: "aarch64", debian: "arm64" },
} as const;
export type Architecture = (typeof ARCHITECTURES)[keyof typeof ARCHITECTURES];
