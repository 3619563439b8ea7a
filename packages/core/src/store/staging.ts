import { mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nanoid } from "nanoid";
import { removeTree } from "../host/remove-tree.ts";
import { type Ledger, processOwner } from "./ledger.ts";

/** A directory for unfinished work, gone when disposed of, or at the next reconcile if this process dies. */
export interface StagingDirectory extends AsyncDisposable {
  readonly dir: string;
  /** Moves a finished file to its place, where it appears whole or not at all, and survives a power cut. */
  publish(file: string, destination: string): Promise<void>;
}

/** Makes staging directories under one root; the root and its destinations are on one file system. */
export class Staging {
  readonly #root: string;
  readonly #ledger: Ledger;

  constructor(root: string, ledger: Ledger) {
    this.#root = root;
    this.#ledger = ledger;
  }

  async open(): Promise<StagingDirectory> {
    const dir = join(this.#root, nanoid());
    const resource = { owner: processOwner(), kind: "directory", locator: dir } as const;
    this.#ledger.record(resource);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return {
      dir,
      publish,
      [Symbol.asyncDispose]: async () => {
        await removeTree(dir);
        this.#ledger.strike(resource);
      },
    };
  }
}

async function publish(file: string, destination: string): Promise<void> {
  await sync(file);
  await rename(file, destination);
  await sync(dirname(destination));
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}
