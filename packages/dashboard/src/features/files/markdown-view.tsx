import "./highlight.css";
import "./markdown.css";
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import Markdown from "react-markdown";
import rehypeHighlight from "rehype-highlight";
import rehypeSanitize, { defaultSchema } from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import { GuestImage } from "./guest-image.tsx";
import { parentOf, resolvePath } from "./guest-path.logic.ts";
import { placeOf } from "./link-place.logic.ts";

interface MarkdownViewProps {
  readonly vmId: string;
  readonly path: string;
  readonly text: string;
}

/** What the highlighter marks code with is let through; everything else is as GitHub has it. */
const SCHEMA = {
  ...defaultSchema,
  attributes: {
    ...defaultSchema.attributes,
    code: [["className", /^language-./, "hljs"]],
    span: [["className", /^hljs-/]],
  },
} as typeof defaultSchema;

/** A document of the guest's. Nothing in it runs, and nothing is fetched for it but images from the guest itself. */
export function MarkdownView({ vmId, path, text }: MarkdownViewProps) {
  const dir = parentOf(path);
  return (
    <article className="markdown">
      <Markdown
        remarkPlugins={[remarkGfm]}
        rehypePlugins={[rehypeHighlight, [rehypeSanitize, SCHEMA]]}
        components={{
          a: ({ href, children }) => <DocumentLink {...{ vmId, dir, href }}>{children}</DocumentLink>,
          img: ({ src, alt = "" }) => <DocumentImage {...{ vmId, dir, alt }} src={String(src ?? "")} />,
        }}
      >
        {text}
      </Markdown>
    </article>
  );
}

interface DocumentLinkProps {
  readonly vmId: string;
  readonly dir: string;
  readonly href?: string | undefined;
  readonly children?: ReactNode;
}

function DocumentLink({ vmId, dir, href, children }: DocumentLinkProps) {
  const place = placeOf(href);
  if (place.kind === "elsewhere") {
    return (
      <Anchor href={place.href} target="_blank" rel="noopener noreferrer nofollow">
        {children}
      </Anchor>
    );
  }
  if (place.kind !== "guest") return <span>{children}</span>;
  const view = resolvePath(dir, place.path);
  return (
    <Link to="/vms/$vmId" params={{ vmId }} search={{ tab: "files", path: parentOf(view), view }}>
      {children}
    </Link>
  );
}

function DocumentImage({ vmId, dir, src, alt }: { vmId: string; dir: string; src: string; alt: string }) {
  const place = placeOf(src);
  if (place.kind === "guest") return <GuestImage vmId={vmId} path={resolvePath(dir, place.path)} alt={alt} />;
  // Fetching it would tell its server who reads this.
  return <em>[image: {alt || src}]</em>;
}
