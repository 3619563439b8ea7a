import { expect, test } from "vitest";
import type { VmmExit } from "../engine/engine.ts";
import { judgeEnd } from "./end-cause.ts";

const exit = (given: Partial<VmmExit>): VmmExit => ({
  ...{ exitCode: null, signal: null, requested: false, reason: "" },
  ...given,
});
const nothing = { enforced: undefined, exit: undefined, loss: "unknown", console: "" } as const;
const panic = (text: string) => `[ 1.2] ab\n[ 1.3] Kernel panic - not syncing: ${text}\n[ 1.4] CPU: 0\n`;
const KILLED = "Out of memory: Killed process 71 (python3) total-vm:1kB, anon-rss:1kB";

test.for([
  ["its guest powered off", { exit: exit({ exitCode: 0 }), console: "bye" }, "powered_off"],
  [
    "its kernel panicked",
    { exit: exit({ exitCode: 0 }), console: panic("sysrq triggered crash") },
    "kernel_panic",
  ],
  [
    "init ended",
    { exit: exit({ exitCode: 0 }), console: panic("Attempted to kill init! exitcode=0x00000200") },
    "init_exit",
  ],
  [
    "out of memory",
    { exit: exit({ exitCode: 0 }), console: panic("System is deadlocked on memory") },
    "guest_oom",
  ],
  [
    "init was killed for want of memory",
    {
      exit: exit({ exitCode: 0 }),
      console: `${KILLED}\n${panic("Attempted to kill init! exitcode=0x00000009")}`,
    },
    "guest_oom",
  ],
  [
    "a process was killed, and then it powered off",
    { exit: exit({ exitCode: 0 }), console: KILLED },
    "powered_off",
  ],
  ["the host killed it", { exit: exit({ signal: "SIGKILL", hostOom: "Out of memory: …" }) }, "host_oom"],
  ["somebody killed it", { exit: exit({ signal: "SIGKILL" }) }, "vmm_killed"],
  ["somebody told its supervisor to", { exit: exit({ signal: "SIGTERM", requested: true }) }, "vmm_killed"],
  ["it crashed", { exit: exit({ signal: "SIGSEGV" }) }, "vmm_crash"],
  ["it gave up", { exit: exit({ exitCode: 1, reason: "no memory" }) }, "vmm_crash"],
  ["the host rebooted", { loss: "rebooted" as const }, "host_reboot"],
  ["it is a copy", { loss: "elsewhere" as const }, "storage_moved"],
  ["its supervisor was killed", { loss: "killed" as const }, "vmm_killed"],
  ["nothing is known", {}, "unknown"],
  [
    "its time was over",
    { enforced: { action: "stop", cause: "timeout", at: "" } as const, exit: exit({ exitCode: 0 }) },
    "timeout",
  ],
  [
    "it had been paused before",
    { enforced: { action: "pause", cause: "idle", at: "" } as const, exit: exit({ signal: "SIGSEGV" }) },
    "vmm_crash",
  ],
] as const)("%s", ([, evidence, cause]) => {
  expect(judgeEnd({ ...nothing, ...evidence }).cause).toBe(cause);
});

test("what the kernel said last is kept, and not more of it than is bearable", () => {
  const console = `${KILLED}\n${KILLED.replace("71", "72")}${"x".repeat(5000)}`;
  const { oom } = judgeEnd({ ...nothing, exit: exit({ exitCode: 0 }), console });
  expect(oom).toMatch(/^Out of memory: Killed process 72 /);
  expect(oom).toHaveLength(1000);
});
