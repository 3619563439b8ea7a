const HOST =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/|\\[[0-9a-fA-F:]+\\](?::[0-9]{1,5})?/)";
const PATH = "[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*";
const REFERENCE = new RegExp(
  `^(${HOST})?(${PATH}(?:/${PATH})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@sha256:[0-9a-f]{64})?$`,
);
const MAX_CHARACTERS = 512;

/** Spells a registry reference out, host and tag included, as Docker reads it; `undefined` when it is malformed. */
export function normaliseReference(reference: string): string | undefined {
  const match = REFERENCE.exec(reference);
  if (!match || reference.length > MAX_CHARACTERS) return undefined;
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
