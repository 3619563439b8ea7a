import type { Keyboard } from "./device.ts";

/** Each key at once, none of them special, until it is disposed of or the process ends. */
export function rawMode(stdin: Keyboard): Disposable {
  if (!stdin.isTty) return { [Symbol.dispose]: () => {} };
  stdin.setRaw(true);
  return untilTheEnd(() => stdin.setRaw(false));
}

/** Disposal covers every return and throw; the listener covers an exit from anywhere else, a crash among them. */
export function untilTheEnd(restore: () => void): Disposable {
  process.once("exit", restore);
  return {
    [Symbol.dispose]: () => {
      process.off("exit", restore);
      restore();
    },
  };
}
