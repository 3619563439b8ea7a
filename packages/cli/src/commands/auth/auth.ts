import { Scope } from "@bandsox/contract/api";
import { AuthStore } from "@bandsox/server";
import { Command, Option } from "@commander-js/extra-typings";
import { defaultStorageDir } from "bandsox";
import { argument } from "../../args/argument.ts";
import { localCommand } from "../../args/common-options.ts";
import { parseDurationMs, parseMib, parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { table } from "../../print/table.ts";
import { tell } from "../../print/tell.ts";
import { told } from "../serve.ts";
import { readPassword } from "./read-password.ts";

/** `bandsox auth`: who may call the server of a storage. It need not run. */
export function authCommand(context: CliContext): Command {
  const auth = new Command("auth").description("say who may call `bandsox serve`");
  const commands = [
    initCommand(context),
    setPasswordCommand(context),
    createKeyCommand(context),
    listKeysCommand(context),
    revokeKeyCommand(context),
  ];
  for (const command of commands) auth.addCommand(command as Command);
  return auth;
}

function storeOf({ env }: CliContext, { storage }: { storage?: string | undefined }): AuthStore {
  return new AuthStore(storage ?? defaultStorageDir(env));
}

function initCommand(context: CliContext) {
  return localCommand("init")
    .description("make a password and a key, so that callers have to say who they are")
    .addHelpText("after", "\nExamples:\n  bandsox auth init")
    .action(async (options) => {
      using store = storeOf(context, options);
      const made = await store.init();
      if (options.json) await context.stdout.write(`${JSON.stringify(made ?? null)}\n`);
      else await context.stdout.write(made ? told(made) : "already enabled\n");
    });
}

function setPasswordCommand(context: CliContext) {
  return localCommand("set-password")
    .description("replace the administrator's password, read from stdin; every session ends")
    .addHelpText("after", "\nExamples:\n  bandsox auth set-password < password.txt")
    .action(async (options) => {
      using store = storeOf(context, options);
      await store.setPassword(await readPassword(context));
      await tell(context, options, { json: { replaced: true }, text: "password replaced\n" });
    });
}

const WHOLE = argument(parseWholeNumber);

function createKeyCommand(context: CliContext) {
  return localCommand("create-key")
    .description("make a key and print it, once")
    .argument("<name>", "what the key is for")
    .addOption(
      new Option("--scope <scope>", "read: look; exec: use VMs; admin: everything")
        .choices(Scope.options)
        .default("exec" as const),
    )
    .option(
      "--expires <duration>",
      "time after which it is void: 12h, 30m (default: never)",
      argument(parseDurationMs),
    )
    .option("--max-vms <count>", "VMs it may have made at the same time (default: no limit)", WHOLE)
    .option("--max-memory <size>", "memory of those VMs together (default: no limit)", argument(parseMib))
    .option("--max-concurrent <count>", "calls and streams it may have under way (default: no limit)", WHOLE)
    .addHelpText("after", "\nExamples:\n  bandsox auth create-key ci --scope exec --expires 720h")
    .action(async (name, { scope, expires: expiresInMs, maxVms, maxMemory, maxConcurrent, ...options }) => {
      using store = storeOf(context, options);
      const limits = { maxVms, maxMemoryMib: maxMemory, maxConcurrent };
      const { key, id } = store.createKey({ name, scope, expiresInMs, ...limits });
      if (options.json) await context.stdout.write(`${JSON.stringify({ key, keyId: id })}\n`);
      else await context.stdout.write(options.quiet ? `${key}\n` : `API key: ${key}\nkey id:  ${id}\n`);
      if (!store.isEnabled && !options.json && !options.quiet)
        await context.stderr.write("note: access is open until `bandsox auth init`\n");
    });
}

function listKeysCommand(context: CliContext) {
  return localCommand("list-keys")
    .description("list keys, without their text")
    .addHelpText("after", "\nExamples:\n  bandsox auth list-keys --json")
    .action(async (options) => {
      using store = storeOf(context, options);
      const keys = store.listKeys();
      const rows = keys.map((key) => [
        ...[key.id, key.name, key.scope, timeOf(key.created_at), timeOf(key.last_used_at)],
        timeOf(key.expires_at),
      ]);
      await tell(context, options, {
        json: keys.map(toListed),
        text: () => table(context.stdout, ["ID", "NAME", "SCOPE", "CREATED", "LAST USED", "EXPIRES"], rows),
        ids: keys.map((key) => key.id),
      });
    });
}

function revokeKeyCommand(context: CliContext) {
  return localCommand("revoke-key")
    .description("make a key void at once")
    .argument("<id>", "the key's id, as `list-keys` prints it")
    .addHelpText("after", "\nExamples:\n  bandsox auth revoke-key bsx_k_0123abcd")
    .action(async (id, options) => {
      using store = storeOf(context, options);
      store.revokeKey(id);
      await tell(context, options, { json: { id }, text: `${id}\n`, ids: [id] });
    });
}

function toListed({ id, name, scope, ...key }: ReturnType<AuthStore["listKeys"]>[number]) {
  return {
    ...{ id, name, scope, maxVms: key.max_vms, maxMemoryMib: key.max_memory_mib },
    createdAt: isoOf(key.created_at),
    lastUsedAt: isoOf(key.last_used_at),
    expiresAt: isoOf(key.expires_at),
  };
}

function isoOf(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}

function timeOf(seconds: number | null): string {
  return seconds === null ? "never" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}
