/** What `init` is doing, told as it happens. */
export interface SetupStep {
  readonly step: "storage" | "kernel" | "modules" | "initramfs" | "rootfs" | "firecracker" | "cni";
  /** `progress` repeats while a step lasts; `failed` means this attempt, another may follow */
  readonly state: "started" | "progress" | "done" | "reused" | "failed";
  /** For people; no final period */
  readonly text: string;
  /** Done so far, from 0 to 1, where it is known */
  readonly fraction?: number;
}
export type OnSetupStep = (step: SetupStep) => void;
