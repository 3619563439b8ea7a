// A server shows VMs another process has made in the same storage, and serves the dashboard.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { BandSox } from "bandsox";
import { verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  await using server = await step("start a server, or take the one that is named", findServer);
  await step("it serves the dashboard", async () => {
    const page = await (await fetch(server.url)).text();
    expect(page.includes("<!doctype html>"), true);
  });
  await step("it shows the VM", async () => {
    await using remote = new BandSox(server.url, server.apiKey ? { apiKey: server.apiKey } : {});
    const shown = await remote.listVms();
    expect(shown.map(({ id }) => id).includes(vm.id), true);
  });
});

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string | undefined;
}

async function findServer(): Promise<Server> {
  const { BANDSOX_URL: url, BANDSOX_API_KEY: apiKey, BANDSOX_MAIN: main } = process.env;
  if (url) return { url, apiKey, [Symbol.asyncDispose]: async () => {} };
  const [command, ...first] = main ? [process.execPath, ...process.execArgv, main] : ["bandsox"];
  const args = [...first, "serve", "--port", "0", "--quiet"];
  const child = spawn(command ?? "bandsox", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([once(lines(child), "line"), ended])) as [unknown];
  if (typeof line !== "string") throw new Error(`\`bandsox serve\` ended with ${line}`);
  return {
    url: line,
    apiKey: undefined,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function lines({ stdout }: ChildProcess) {
  if (!stdout) throw new Error("the server's output is not piped");
  return createInterface({ input: stdout });
}
