// A terminal: what is typed is echoed, and the guest sees its size, also when that changes.
import type { Terminal } from "bandsox";
import { verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  const terminal = await step("open a terminal of 80x24", () => vm.terminal({ cols: 80, rows: 24 }));
  const screen = reader(terminal);
  await step("type into it", async () => {
    await terminal.write("echo $((20 + 22))\n");
    await screen.until(/^42\r?$/m);
  });
  await step("it has the size it was given, and the one it gets", async () => {
    await terminal.write("stty size\n");
    await screen.until(/^24 80\r?$/m);
    await terminal.resize({ cols: 100, rows: 40 });
    await terminal.write("stty size\n");
    await screen.until(/^40 100\r?$/m);
  });
  await step("leave it", async () => {
    await terminal.write("exit 7\n");
    expect((await terminal.exit()).exitCode, 7);
  });
});

/** What a terminal has shown so far, and a way to wait for more. */
function reader(terminal: Terminal) {
  const output = terminal.output[Symbol.asyncIterator]();
  let shown = "";
  const until = async (wanted: RegExp) => {
    while (!wanted.test(shown)) {
      const next = await output.next();
      if (next.done) throw new Error(`the terminal ended; it showed ${JSON.stringify(shown)}`);
      shown += Buffer.from(next.value).toString();
    }
  };
  return { until };
}
