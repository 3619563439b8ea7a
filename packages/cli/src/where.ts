import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";

/** What a command line says of where its VMs are. */
export interface WhereOptions {
  readonly storage?: string | undefined;
  readonly url?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

/** Where VMs are: in a storage of this machine, or with a server. */
export type Where =
  | { readonly kind: "storage"; readonly storageDir: string | undefined }
  | { readonly kind: "server"; readonly url: string; readonly apiKey: string | undefined };

const DEFAULT_PORT = 8000;
const DEFAULT_HOST = "127.0.0.1";
/** Bits that let others than the owner at a file */
const OTHERS = 0o077;

/**
 * Decides where a command works. What was said on its line counts before `BANDSOX_URL`, and a storage that was said
 * before it, too. The key is `BANDSOX_API_KEY`, else the one in `~/.bandsox/credentials`.
 *
 * @throws {BandSoxError} `invalid_argument`, `permission_denied` when others can read the credentials
 */
export async function whereOf(
  options: WhereOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Where> {
  const url = urlOf(options, env);
  if (url === undefined) return { kind: "storage", storageDir: options.storage };
  return { kind: "server", url, apiKey: env.BANDSOX_API_KEY || (await storedKey(env.HOME, url)) };
}

function urlOf(
  { storage, url, host, port }: WhereOptions,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const isTold = url !== undefined || host !== undefined || port !== undefined;
  if (isTold && storage !== undefined) throw contradiction("--storage", "a server");
  if (url !== undefined && (host !== undefined || port !== undefined))
    throw contradiction("--url", "--host or --port");
  if (url !== undefined) return checkedUrl(url, "--url");
  if (isTold)
    return checkedUrl(`http://${bracketed(host ?? DEFAULT_HOST)}:${port ?? DEFAULT_PORT}`, "--host");
  if (storage !== undefined || !env.BANDSOX_URL) return undefined;
  return checkedUrl(env.BANDSOX_URL, "BANDSOX_URL");
}

function checkedUrl(text: string, field: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ["http:", "https:"].includes(url.protocol)) return url.href.replace(/\/$/, "");
  const message = `${field} is no address of a server: it begins with http:// or https://`;
  throw new BandSoxError("invalid_argument", message, { field, found: text });
}

/** An IPv6 address stands in brackets where a port follows. */
function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function contradiction(one: string, other: string): BandSoxError {
  const message = `${one} and ${other} cannot both be where the VMs are`;
  return new BandSoxError("invalid_argument", message, { field: one, found: other });
}

/** A key that was kept for one server is sent to no other. */
async function storedKey(home: string | undefined, url: string): Promise<string | undefined> {
  if (!home) return undefined;
  const path = join(home, ".bandsox", "credentials");
  const found = await stat(path).catch(() => undefined); // none is kept
  if (!found) return undefined;
  if ((found.mode & OTHERS) !== 0) {
    const message = `will not use ${path}: others than its owner can read it; run \`chmod 600\` on it`;
    throw new BandSoxError("permission_denied", message, { path });
  }
  const { apiKey, serverUrl } = credentials(await readFile(path, "utf8"), path);
  return serverUrl === undefined || new URL(url).origin === serverUrl ? apiKey : undefined;
}

function credentials(text: string, path: string): { apiKey: string; serverUrl: string | undefined } {
  try {
    const { api_key: apiKey, server_url: serverUrl } = JSON.parse(text) as Record<string, unknown>;
    if (typeof apiKey === "string" && apiKey !== "")
      return { apiKey, serverUrl: typeof serverUrl === "string" ? new URL(serverUrl).origin : undefined };
  } catch {
    // told below, whatever is wrong with it
  }
  const message = `cannot use ${path}: it is no JSON object with an api_key`;
  throw new BandSoxError("invalid_argument", message, { field: path, found: "something else" });
}
