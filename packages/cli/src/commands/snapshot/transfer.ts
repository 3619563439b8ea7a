import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox snapshot export`. */
export function snapshotExportCommand(context: CliContext) {
  return storeCommand("export")
    .description("write a snapshot, with all it stands on, into one file")
    .argument("<snapshot>", "id, name, or start of an id")
    .argument("<file>", "a file that does not exist yet, e.g. ready.bandsox")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot export ready ready.bandsox")
    .action(async (reference, file, options) => {
      await using bandsox = await context.openBandSox(options);
      await bandsox.snapshots.export(reference, file, { signal: context.signal });
      await tell(context, options, { json: { file }, text: `${file}\n`, ids: [file] });
    });
}

/** `bandsox snapshot import`. */
export function snapshotImportCommand(context: CliContext) {
  return storeCommand("import")
    .description("take a snapshot from a file, and print its id; take only what you would run as yourself")
    .argument("<file>", "what `bandsox snapshot export` wrote")
    .option("-n, --name <name>", "its name here (default: the one it had, or its id when that is taken)")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot import ready.bandsox")
    .action(async (file, { name, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const info = await bandsox.snapshots.import(file, { name, signal: context.signal });
      await tell(context, options, { json: info, text: `${info.id}\n`, ids: [info.id] });
    });
}

/** `bandsox snapshot push`. */
export function snapshotPushCommand(context: CliContext) {
  return registryCommand("push")
    .description("store a snapshot in a registry, and print the digest it has there")
    .argument("<snapshot>", "id, name, or start of an id")
    .argument("<reference>", "e.g. registry.example.com/team/ready:1")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot push ready registry.example.com/team/ready:1")
    .action(async (reference, target, options) => {
      await using bandsox = await context.openBandSox(options);
      const access = toAccess(options);
      const { digest } = await bandsox.snapshots.push(reference, target, {
        ...access,
        signal: context.signal,
      });
      await tell(context, options, { json: { digest }, text: `${digest}\n`, ids: [digest] });
    });
}

/** `bandsox snapshot pull`. */
export function snapshotPullCommand(context: CliContext) {
  return registryCommand("pull")
    .description(
      "take a snapshot from a registry, and print its id; take only what you would run as yourself",
    )
    .argument("<reference>", "what `bandsox snapshot push` was given, or with its digest")
    .option("-n, --name <name>", "its name here (default: the one it had, or its id when that is taken)")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot pull registry.example.com/team/ready:1")
    .action(async (reference, { name, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const access = toAccess(options);
      const info = await bandsox.snapshots.pull(reference, { ...access, name, signal: context.signal });
      await tell(context, options, { json: info, text: `${info.id}\n`, ids: [info.id] });
    });
}

function registryCommand(name: string) {
  return storeCommand(name)
    .option(
      "--creds <user:password>",
      "for the registry named (default: BANDSOX_REGISTRY_CREDS, else stored credentials)",
    )
    .option(
      "--plain-http <host>",
      "host or host:port to speak to without TLS; repeatable",
      (host: string, previous: string[]) => [...previous, host],
      [],
    );
}

function toAccess({ creds, plainHttp }: { creds?: string | undefined; plainHttp: string[] }) {
  return { insecure: plainHttp, ...(creds === undefined ? {} : { creds }) };
}
