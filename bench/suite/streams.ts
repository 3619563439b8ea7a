import { pump } from "../bare-channel.ts";
import { type Benchmark, latency, quantile, rate } from "../figure.ts";

const MEBIBYTE = 1024 * 1024;

/** B12: output, at full speed and in short lines; a byte that is missing fails it. */
export const stdoutStream: Benchmark = {
  id: "B12",
  title: "stdout-stream",
  async run({ vm, agentSocket, quick }) {
    const bytes = (quick ? 8 : 256) * MEBIBYTE;
    const lines = quick ? 10_000 : 1_000_000;
    const bare = await pump(agentSocket, "host", bytes);
    const rssBefore = process.memoryUsage.rss();
    let rssPeak = rssBefore;
    const count = async (command: string[]) => {
      let received = 0;
      for await (const event of vm.execStream(command)) {
        if (event.type !== "stdout") continue;
        received += event.data.length;
        rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
      }
      return received;
    };
    let begun = performance.now();
    const received = await count(["dd", "if=/dev/zero", "bs=65536", `count=${bytes / 65_536}`]);
    const value = rate(bytes, performance.now() - begun);
    if (received !== bytes) throw new Error(`${received} of ${bytes} bytes arrived`);
    begun = performance.now();
    const inLines = await count(["sh", "-c", `yes 0123456 | head -n ${lines}`]);
    if (inLines !== lines * 8) throw new Error(`${inLines} of ${lines * 8} bytes of lines arrived`);
    const linesPerSecond = lines / ((performance.now() - begun) / 1000);
    return [
      {
        ...{ id: "B12", name: `${bytes / MEBIBYTE} MiB to the library`, value, unit: "MiB/s" },
        beside: { name: "bare pump", value: bare, ratio: value / bare },
      },
      { id: "B12", name: `${lines} short lines`, value: linesPerSecond, unit: "lines/s" },
      { id: "B12", name: "host RSS growth", value: (rssPeak - rssBefore) / MEBIBYTE, unit: "MiB" },
    ];
  },
};

/** B22: what is typed comes back, and a flood on the screen. */
export const terminal: Benchmark = {
  id: "B22",
  title: "terminal",
  async run({ vm, quick }) {
    const keys = quick ? 20 : 300;
    const view = await vm.terminal({ command: ["cat"] });
    let seen = Promise.withResolvers<void>();
    const shown = (async () => {
      for await (const _ of view.output) seen.resolve();
    })();
    const samples: number[] = [];
    for (let key = 0; key < keys; key++) {
      seen = Promise.withResolvers();
      const begun = performance.now();
      await view.write("x");
      await seen.promise;
      samples.push(performance.now() - begun);
    }
    await view.session.delete();
    await shown.catch(() => {}); // a deleted session has no exit to tell
    const flood = (quick ? 1 : 10) * MEBIBYTE;
    const screen = await vm.terminal({
      command: ["dd", "if=/dev/zero", "bs=65536", `count=${flood / 65_536}`],
    });
    const begun = performance.now();
    let received = 0;
    for await (const bytes of screen.output) received += bytes.length;
    const ms = performance.now() - begun;
    await screen.session.delete();
    return [
      ...latency("B22", "keystroke to echo", samples, quantile(samples, 0.01)),
      { id: "B22", name: `flood of ${flood / MEBIBYTE} MiB, seen`, value: rate(received, ms), unit: "MiB/s" },
    ];
  },
};
