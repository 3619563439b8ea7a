// A server shows VMs another process has made in the same storage, and serves the dashboard.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { BandSox } from "bandsox";
import { verify } from "./verification.ts";

const { BANDSOX_MAIN: main } = process.env;
/** The command that runs BandSox's CLI. */
const BANDSOX: readonly [string, ...string[]] = main
  ? [process.execPath, ...process.execArgv, main]
  : ["bandsox"];

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  await using server = await step("start a server, or take the one that is named", findServer);
  await step("it serves the dashboard", async () => {
    const page = await (await fetch(server.url)).text();
    expect(page.includes("<!doctype html>"), true);
  });
  await using key = await step("have a key, if it asks for one", () => keyFor(server));
  await step("it shows the VM", async () => {
    await using remote = new BandSox(server.url, key.text ? { apiKey: key.text } : {});
    const shown = await remote.listVms();
    expect(shown.map(({ id }) => id).includes(vm.id), true);
  });
});

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string | undefined;
}

async function findServer(): Promise<Server> {
  const { BANDSOX_URL: url, BANDSOX_API_KEY: apiKey } = process.env;
  if (url) return { url, apiKey, [Symbol.asyncDispose]: async () => {} };
  const [command, ...first] = BANDSOX;
  const args = [...first, "serve", "--port", "0", "--quiet"];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
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

/** Where the storage has keys already the server is open to nobody without one: it gets one that goes again. */
async function keyFor({ url, apiKey }: Server): Promise<AsyncDisposable & { text: string | undefined }> {
  const { status } = await fetch(new URL("/api/vms", url));
  if (apiKey !== undefined || status !== 401) return { text: apiKey, [Symbol.asyncDispose]: async () => {} };
  const made = await bandsox("auth", "create-key", "verify-dashboard", "--scope", "read", "--expires", "10m");
  const { keyId, key } = JSON.parse(made) as { keyId: string; key: string };
  return { text: key, [Symbol.asyncDispose]: async () => void (await bandsox("auth", "revoke-key", keyId)) };
}

async function bandsox(...args: readonly string[]): Promise<string> {
  const [command, ...first] = BANDSOX;
  return (await promisify(execFile)(command, [...first, ...args, "--json"])).stdout;
}

function lines({ stdout }: ChildProcess) {
  if (!stdout) throw new Error("the server's output is not piped");
  return createInterface({ input: stdout });
}
