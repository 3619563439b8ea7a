import { Anchor, Button, FileButton, Group, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, Fragment, useState } from "react";
import { askText } from "../../ui/ask-text.tsx";
import { Icon } from "../../ui/icon.tsx";
import { IconButton } from "../../ui/icon-button.tsx";
import { chosenFiles, type Upload } from "./dropped-files.ts";
import { makeDirectory, writeFile } from "./file-calls.ts";
import { crumbsOf, joinPath, resolvePath } from "./guest-path.logic.ts";

interface FileToolbarProps {
  readonly vmId: string;
  readonly path: string;
  readonly isWritable: boolean;
  readonly onGo: (path: string) => void;
  readonly onUpload: (uploads: readonly Upload[]) => void;
}

/** Where one is among the files, and what can be put there. */
export function FileToolbar({ vmId, path, isWritable, onGo, onUpload }: FileToolbarProps) {
  const queries = useQueryClient();
  const refresh = () => void queries.invalidateQueries({ queryKey: ["files", vmId, path] });
  const upload = (files: File[]) => onUpload(files.map((file) => ({ path: file.name, file })));
  return (
    <Group justify="space-between" gap="xs">
      <PathBar path={path} onGo={onGo} />
      <Group gap={4}>
        <IconButton icon="refresh" label="Refresh" onClick={refresh} />
        {isWritable && (
          <>
            <FileButton multiple onChange={upload} inputProps={{ "aria-label": "Files to upload" }}>
              {(props) => (
                <Button {...props} size="xs" variant="default" leftSection={<Icon name="upload" size={14} />}>
                  Upload
                </Button>
              )}
            </FileButton>
            <FolderButton onUpload={onUpload} />
            <Button size="xs" variant="default" onClick={() => askNew({ vmId, path, what: "file", refresh })}>
              New file
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() => askNew({ vmId, path, what: "folder", refresh })}
            >
              New folder
            </Button>
          </>
        )}
      </Group>
    </Group>
  );
}

function FolderButton({ onUpload }: Pick<FileToolbarProps, "onUpload">) {
  return (
    <Button component="label" size="xs" variant="default">
      Upload folder
      <input
        type="file"
        hidden
        {...{ webkitdirectory: "" }}
        aria-label="Folder to upload"
        onChange={(event) => event.currentTarget.files && onUpload(chosenFiles(event.currentTarget.files))}
      />
    </Button>
  );
}

interface NewThing {
  readonly vmId: string;
  readonly path: string;
  readonly what: "file" | "folder";
  readonly refresh: () => void;
}

function askNew({ vmId, path, what, refresh }: NewThing): void {
  askText({
    ...{ title: `New ${what} in ${path}`, label: "Name", verb: "Create" },
    onAnswer: async (name) => {
      const to = joinPath(path, name);
      await (what === "file" ? writeFile(vmId, to, "") : makeDirectory(vmId, to));
      refresh();
    },
  });
}

function PathBar({ path, onGo }: Pick<FileToolbarProps, "path" | "onGo">) {
  const [text, setText] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text !== undefined) onGo(resolvePath(path, text));
    setText(undefined);
  };
  if (text !== undefined) {
    return (
      <form onSubmit={submit} style={{ flex: 1, minWidth: 200 }}>
        <TextInput
          autoFocus
          aria-label="Path"
          size="xs"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onBlur={() => setText(undefined)}
          onKeyDown={(event) => event.key === "Escape" && setText(undefined)}
        />
      </form>
    );
  }
  const crumbs = crumbsOf(path);
  return (
    <Group component="nav" aria-label="Path" gap={2} style={{ flex: 1, minWidth: 200 }}>
      {crumbs.map((crumb, index) => (
        <Fragment key={crumb.path}>
          {index > 1 && <span aria-hidden="true">/</span>}
          <Anchor
            component="button"
            c="inherit"
            className="mono"
            px={3}
            py={4}
            onClick={() => onGo(crumb.path)}
          >
            {crumb.name}
          </Anchor>
        </Fragment>
      ))}
      <IconButton icon="edit" label="Edit the path" onClick={() => setText(path)} />
    </Group>
  );
}
