import { isIP } from "node:net";
import { BandSoxError } from "@bandsox/contract";

/** What a browser says of where a request comes from. */
export interface Provenance {
  readonly method: string;
  readonly isUpgrade: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** The header `Sec-Fetch-Site` */
  readonly site: string | undefined;
}

export interface OriginPolicy {
  /** Origins beside the server's own, e.g. `https://console.example.org` */
  readonly allowed: ReadonlySet<string>;
  /** Whether callers need not say who they are */
  readonly isOpen: boolean;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses what a page of somebody else's may have sent through a browser: changes and WebSockets from another origin,
 * and, where access is open, every request under a name that may be one the attacker points here (DNS rebinding).
 *
 * @throws {BandSoxError} `origin_refused`
 */
export function assertProvenance(request: Provenance, { allowed, isOpen }: OriginPolicy): void {
  const { method, isUpgrade, host = "", origin, site } = request;
  if (isOpen && !isOwnName(host)) throw refused(`the name ${shown(host)}`, host);
  if (SAFE_METHODS.has(method) && !isUpgrade) return;
  if (origin === undefined) {
    if (site === undefined || site === "same-origin" || site === "none") return;
    throw refused("another site", site);
  }
  if (allowed.has(origin) || isSame(origin, host)) return;
  throw refused(`the origin ${shown(origin)}`, origin);
}

function isSame(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** Whether a name can only be this machine's, or is no name but an address. */
function isOwnName(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    isIP(hostname.replace(/^\[|\]$/g, "")) !== 0
  );
}

function refused(what: string, origin: string): BandSoxError {
  const message = `refused a request from ${what}, which is not this server's own`;
  return new BandSoxError("origin_refused", message, { origin: origin.slice(0, 200) });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
