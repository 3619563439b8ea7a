import "./highlight.css";
import { Button, Group, Stack, Text, useComputedColorScheme } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import CodeMirror, { EditorView } from "@uiw/react-codemirror";
import { useMemo, useState } from "react";
import { notifyDone } from "../../api/errors.tsx";
import { Icon } from "../../ui/icon.tsx";
import { codeHighlight } from "./code-highlight.ts";
import { writeFile } from "./file-calls.ts";
import { withLineEnds } from "./file-text.logic.ts";
import { nameOf } from "./guest-path.logic.ts";

interface TextEditorProps {
  readonly vmId: string;
  readonly path: string;
  readonly text: string;
  readonly isWritable: boolean;
}

/** A text of the guest's, to be read, and changed while it runs. */
export function TextEditor({ vmId, path, text, isWritable }: TextEditorProps) {
  const queries = useQueryClient();
  const scheme = useComputedColorScheme("light");
  const [edited, setEdited] = useState(text);
  const [saved, setSaved] = useState(text);
  const save = useMutation({
    mutationFn: async (content: string) => {
      await writeFile(vmId, path, withLineEnds(content, text));
      return content;
    },
    onSuccess: (content) => {
      setSaved(content);
      notifyDone(`${nameOf(path)} is saved.`);
      void queries.invalidateQueries({ queryKey: ["files", vmId] });
    },
  });
  const extensions = useMemo(
    () => [
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": `Text of ${nameOf(path)}` }),
      codeHighlight(path),
    ],
    [path],
  );
  const isChanged = edited !== saved;
  return (
    <Stack
      onKeyDown={(event) => {
        if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        if (isWritable && isChanged) save.mutate(edited);
      }}
    >
      <CodeMirror
        value={text}
        theme={scheme}
        height="70vh"
        readOnly={!isWritable}
        extensions={extensions}
        onChange={setEdited}
        className="surface"
        style={{ overflow: "hidden" }}
      />
      {isWritable && (
        <Group justify="flex-end">
          <Text size="sm" c="dimmed">
            {isChanged ? "Not saved yet" : "Saved"}
          </Text>
          <Button
            leftSection={<Icon name="save" size={16} />}
            disabled={!isChanged}
            loading={save.isPending}
            onClick={() => save.mutate(edited)}
          >
            Save
          </Button>
        </Group>
      )}
    </Stack>
  );
}
