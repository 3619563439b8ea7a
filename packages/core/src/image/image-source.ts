import { resolve } from "node:path";
import { BandSoxError } from "@bandsox/contract";

/** Where an image comes from. `text` is how the helper spells it; `reference` is the name the store keeps it by. */
export interface ImageSource {
  readonly kind: "registry" | "oci" | "docker-archive" | "dir" | "tar";
  readonly text: string;
  readonly reference: string;
}

const LOCAL_KINDS = ["oci", "docker-archive", "dir", "tar"] as const;
const HOST =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/|\\[[0-9a-fA-F:]+\\](?::[0-9]{1,5})?/)";
const PATH = "[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*";
const REFERENCE = new RegExp(
  `^(${HOST})?(${PATH}(?:/${PATH})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@sha256:[0-9a-f]{64})?$`,
);

/**
 * Parses what a user gives as an image: `oci:dir[:tag]`, `docker-archive:file[:tag]`, `dir:path`, `tar:file`, or
 * a registry reference such as `python:3-alpine` or `localhost:5000/team/app@sha256:…`, with or without
 * `registry:` before it.
 *
 * @throws {BandSoxError} `invalid_argument`
 */
export function parseImageSource(image: string): ImageSource {
  for (const kind of LOCAL_KINDS) {
    if (!image.startsWith(`${kind}:`)) continue;
    const rest = image.slice(kind.length + 1);
    if (rest === "") throw invalid(image, `a path is needed after \`${kind}:\``);
    const text = `${kind}:${resolve(rest)}`;
    return { kind, text, reference: text };
  }
  const reference = normaliseReference(image.replace(/^registry:/, ""));
  if (!reference) throw invalid(image, "it is neither a registry reference nor a known kind of source");
  return { kind: "registry", text: `registry:${reference}`, reference };
}

/** Spells a reference out, host and tag included, as Docker reads it; `undefined` when it is malformed. */
function normaliseReference(reference: string): string | undefined {
  const match = REFERENCE.exec(reference);
  if (!match || reference.length > 512) return undefined;
  const [, hostPart, path = "", tag, digest] = match;
  const host = hostPart?.slice(0, -1);
  const isHost = host !== undefined && (/[.:]/.test(host) || host === "localhost");
  if (host !== undefined && !isHost && !new RegExp(`^${PATH}$`).test(host)) return undefined;
  const repository = host !== undefined && !isHost ? `${host}/${path}` : path;
  const name = isHost
    ? `${host}/${repository}`
    : `docker.io/${repository.includes("/") ? "" : "library/"}${repository}`;
  return `${name}${tag ? `:${tag}` : ""}${digest ?? (tag ? "" : ":latest")}`;
}

function invalid(image: string, why: string): BandSoxError {
  const shown = image.length > 80 ? `${image.slice(0, 80)}…` : image;
  return new BandSoxError("invalid_argument", `cannot use ${JSON.stringify(shown)} as an image: ${why}`, {
    field: "image",
    found: shown,
  });
}
