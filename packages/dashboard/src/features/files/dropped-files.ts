/** What to upload, and where below the directory it goes. */
export interface Upload {
  readonly path: string;
  /** Absent for a folder with nothing in it */
  readonly file?: File;
}

/** The files of what was dropped, those in folders included. To be called while the drop is being told of. */
export async function droppedFiles(transfer: DataTransfer): Promise<Upload[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const found: Upload[] = [];
  for (const entry of entries) await collect(entry, entry.name, found);
  return found;
}

async function collect(entry: FileSystemEntry, path: string, found: Upload[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ path, file });
    return;
  }
  let isEmpty = true;
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader brings some at a time, and none at its end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) break;
    isEmpty = false;
    for (const child of some) await collect(child, `${path}/${child.name}`, found);
  }
  if (isEmpty) found.push({ path });
}

/** The files of a file chooser; a chosen folder's are below its name. */
export function chosenFiles(list: FileList): Upload[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}
