import { Menu } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { notifyError } from "../../api/errors.tsx";
import { askText } from "../../ui/ask-text.tsx";
import { confirm } from "../../ui/confirm.tsx";
import { Icon } from "../../ui/icon.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { changeMode, downloadHref, removeFile, renameFile } from "./file-calls.ts";
import type { ListedFile } from "./file-list.logic.ts";
import { parentOf, resolvePath } from "./guest-path.logic.ts";

interface FileMenuProps {
  readonly vmId: string;
  readonly file: ListedFile;
  readonly isWritable: boolean;
}

/** What can be done with one file. */
export function FileMenu(props: FileMenuProps) {
  return <RowMenu label={`More for ${props.file.name}`} items={() => <FileItems {...props} />} />;
}

function FileItems({ vmId, file, isWritable }: FileMenuProps) {
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: ["files", vmId] });
  const { name, is_dir } = file;
  return (
    <>
      <Menu.Item
        component="a"
        href={downloadHref(vmId, file)}
        download={is_dir ? `${name}.tar` : name}
        leftSection={<Icon name="download" size={16} />}
      >
        {is_dir ? "Download as tar" : "Download"}
      </Menu.Item>
      {isWritable && (
        <>
          <Menu.Item
            leftSection={<Icon name="edit" size={16} />}
            onClick={() => askRename({ vmId, file, refresh })}
          >
            Rename or move
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="lock" size={16} />}
            onClick={() => askMode({ vmId, file, refresh })}
          >
            Permissions
          </Menu.Item>
          <Menu.Item
            c="var(--mantine-color-error)"
            leftSection={<Icon name="trash" size={16} />}
            onClick={() => askRemove({ vmId, file, refresh })}
          >
            Delete
          </Menu.Item>
        </>
      )}
    </>
  );
}

interface FileChange {
  readonly vmId: string;
  readonly file: ListedFile;
  readonly refresh: () => Promise<void>;
}

function askRename({ vmId, file, refresh }: FileChange): void {
  askText({
    ...{ title: `Rename ${file.name}`, label: "Name or path", initial: file.name, verb: "Rename" },
    onAnswer: async (to) => {
      await renameFile(vmId, file.path, resolvePath(parentOf(file.path), to));
      await refresh();
    },
  });
}

function askMode({ vmId, file, refresh }: FileChange): void {
  askText({
    ...{ title: `Permissions of ${file.name}`, label: "Mode", description: "Octal, e.g. 755", verb: "Set" },
    initial: file.mode.toString(8).padStart(3, "0"),
    onAnswer: async (text) => {
      if (!/^[0-7]{1,4}$/.test(text)) throw new Error("a mode is up to four digits from 0 to 7");
      await changeMode(vmId, file.path, Number.parseInt(text, 8));
      await refresh();
    },
  });
}

function askRemove({ vmId, file, refresh }: FileChange): void {
  const text = file.is_dir ? "Everything in it goes with it." : "This cannot be undone.";
  const remove = () => void removeFile(vmId, file).then(refresh, notifyError);
  confirm({ title: `Delete ${file.name}?`, text, verb: "Delete", onConfirm: remove });
}
