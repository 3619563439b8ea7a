/** One thing the doctor looked at. */
export interface DoctorCheck {
  /** Stable name, e.g. `kvm` */
  readonly id: string;
  readonly ok: boolean;
  /** Whether VMs cannot run without it, or only run worse */
  readonly level: "required" | "advised";
  /** What was found; no final period */
  readonly found: string;
  /** What to do about it; absent when `ok` */
  readonly remedy?: string | undefined;
}
