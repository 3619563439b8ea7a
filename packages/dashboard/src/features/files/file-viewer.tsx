import { Button, Drawer, Group, Loader, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Failure } from "../../ui/failure.tsx";
import { Icon } from "../../ui/icon.tsx";
import { downloadHref, readBytes } from "./file-calls.ts";
import { viewOf } from "./file-list.logic.ts";
import { decodeText } from "./file-text.logic.ts";
import { GuestImage } from "./guest-image.tsx";
import { nameOf } from "./guest-path.logic.ts";

const MarkdownView = lazy(async () => ({ default: (await import("./markdown-view.tsx")).MarkdownView }));
const TextEditor = lazy(async () => ({ default: (await import("./text-editor.tsx")).TextEditor }));

/** Bytes of a file that are looked at in the browser. */
const SHOWN_MAX = 2 * 1024 * 1024;

interface FileViewerProps {
  readonly vmId: string;
  readonly path: string;
  readonly isWritable: boolean;
  readonly onClose: () => void;
}

/** One file: as an image, as Markdown, or as text that can be changed. */
export function FileViewer({ vmId, path, isWritable, onClose }: FileViewerProps) {
  const name = nameOf(path);
  const download = (
    <Button
      component="a"
      href={downloadHref(vmId, { path, is_dir: false })}
      download={name}
      size="xs"
      variant="default"
      leftSection={<Icon name="download" size={14} />}
    >
      Download
    </Button>
  );
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="min(100%, 960px)"
      title={
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>
          {path}
        </Text>
      }
      closeButtonProps={{ "aria-label": "Close the file" }}
    >
      {viewOf(name) === "image" ? (
        <>
          <Group mb="sm">{download}</Group>
          <GuestImage {...{ vmId, path }} alt={name} />
        </>
      ) : (
        <TextFile {...{ vmId, path, isWritable, download }} />
      )}
    </Drawer>
  );
}

interface TextFileProps extends Omit<FileViewerProps, "onClose"> {
  readonly download: ReactNode;
}

function TextFile({ vmId, path, isWritable, download }: TextFileProps) {
  const { data, error } = useQuery({
    queryKey: ["file", vmId, path],
    queryFn: async () => decodeText(await readBytes(vmId, path, SHOWN_MAX + 1), SHOWN_MAX),
    ...{ staleTime: 0, gcTime: 0 },
  });
  const isMarkdown = viewOf(path) === "markdown";
  const [isEditing, setEditing] = useState(!isMarkdown);
  if (error) return <Failure error={error} />;
  if (!data) return <Loader aria-label="Loading" />;
  if (data.kind !== "text") {
    const why = data.kind === "binary" ? "This is no text." : "This is too large to look at here.";
    return (
      <Stack align="flex-start">
        {download}
        <Text c="dimmed">{why} It can be downloaded.</Text>
      </Stack>
    );
  }
  return (
    <Suspense fallback={<Loader aria-label="Loading" />}>
      <Group mb="sm" gap="xs">
        {download}
        {isMarkdown && (
          <Button size="xs" variant="default" onClick={() => setEditing(!isEditing)}>
            {isEditing ? "Show as document" : "Show source"}
          </Button>
        )}
      </Group>
      {isEditing ? (
        <TextEditor {...{ vmId, path, isWritable }} text={data.text} />
      ) : (
        <MarkdownView {...{ vmId, path }} text={data.text} />
      )}
    </Suspense>
  );
}
