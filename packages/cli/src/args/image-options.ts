import { storeCommand } from "./common-options.ts";

/** A command that may fetch from a registry. */
export function fetchingCommand(name: string) {
  return storeCommand(name)
    .option("--platform <os/arch>", "variant to take, e.g. linux/amd64/v3 (default: this machine's baseline)")
    .option(
      "--creds <user:password>",
      "for the registry named (default: BANDSOX_REGISTRY_CREDS, else stored credentials)",
    )
    .option("--plain-http <host>", "host or host:port to speak to without TLS; repeatable", collect, []);
}

interface FetchingOptions {
  platform?: string | undefined;
  creds?: string | undefined;
  plainHttp: string[];
}

/** The options as the library takes them. */
export function toFetchOptions({ platform, creds, plainHttp }: FetchingOptions) {
  return {
    insecure: plainHttp,
    ...(platform === undefined ? {} : { platform }),
    ...(creds === undefined ? {} : { creds }),
  };
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
