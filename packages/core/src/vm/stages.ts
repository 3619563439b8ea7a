/** The parts of bringing a VM up, in order. */
export type CreateStage = "image" | "disk" | "network" | "golden" | "vmm" | "kernel" | "restore" | "agent";

export interface StageOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called as each stage ends, with its duration in ms */
  readonly onStage?: ((stage: CreateStage, durationMs: number) => void) | undefined;
}

/** Does one stage and tells how long it took. */
export async function timed<T>(
  stage: CreateStage,
  { onStage }: StageOptions,
  work: () => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  const result = await work();
  onStage?.(stage, performance.now() - begun);
  return result;
}
