import { join } from "node:path";
import type { StoragePaths } from "../host/paths.ts";

/** How registries are to be reached, beside what `registries.json` and the user's container tools say. */
export interface RegistryAccess {
  /** `user:password` for the registry of the reference, instead of stored credentials */
  readonly creds?: string | undefined;
  /** `host` or `host:port` that may be spoken to over plain HTTP, beside loopback */
  readonly insecure?: readonly string[] | undefined;
}

/**
 * The helper's arguments and variables. Credentials travel in the environment, which only this user can read; a
 * command line is for all to see.
 */
export function registryAccess(paths: StoragePaths, { creds, insecure = [] }: RegistryAccess) {
  const args = ["--registries", registriesPath(paths)];
  for (const host of insecure) args.push("--insecure", host);
  return { args, env: creds === undefined ? {} : { BANDSOX_REGISTRY_CREDS: creds } };
}

/** The storage's registry settings: mirrors, certificates, plain http; see docs/registries.md. */
export function registriesPath(paths: StoragePaths): string {
  return join(paths.root, "registries.json");
}
