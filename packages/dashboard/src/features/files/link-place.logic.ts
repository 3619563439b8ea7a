/** Where a link of a guest's document leads. */
export type LinkPlace =
  | { readonly kind: "elsewhere"; readonly href: string }
  | { readonly kind: "guest"; readonly path: string }
  | { readonly kind: "nowhere" };

const FOLLOWED = new Set(["http:", "https:", "mailto:"]);

/** Reads a link. Only addresses of the web and of mail lead out; those without a scheme are files of the guest. */
export function placeOf(href: string | undefined): LinkPlace {
  if (!href || href.startsWith("#")) return { kind: "nowhere" };
  if (URL.canParse(href)) {
    return FOLLOWED.has(new URL(href).protocol) ? { kind: "elsewhere", href } : { kind: "nowhere" };
  }
  if (href.startsWith("//") || href.startsWith("\\")) return { kind: "nowhere" };
  const path = href.split(/[?#]/, 1)[0] ?? "";
  try {
    return path === "" ? { kind: "nowhere" } : { kind: "guest", path: decodeURIComponent(path) };
  } catch {
    return { kind: "nowhere" }; // a broken escape
  }
}
