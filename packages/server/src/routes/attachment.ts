const NAME_MAX_CHARACTERS = 255;

/**
 * A `Content-Disposition` for a name a guest chose: the plain form keeps only harmless letters, the encoded form
 * (RFC 8187) has all of it, and neither can end the header.
 */
export function attachment(path: string): string {
  const name = (path.split("/").pop() || "file").slice(0, NAME_MAX_CHARACTERS);
  const plain = name.replace(/[^A-Za-z0-9._ -]/g, "_");
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
