import {
  type Ext4Entry,
  type Ext4Inode,
  type Ext4Reader,
  MODE,
  ROOT_INODE,
  TYPE_MASK,
} from "./ext4-reader.ts";

/** A file or directory of the merged tree: the layer's, the base's, or a directory of both. */
export interface OverlayNode {
  readonly mode: number;
  /** Inode in the layer, which wins */
  readonly upper?: number | undefined;
  /** Inode in the base */
  readonly lower?: number | undefined;
}

/**
 * The tree a guest sees: its layer over its base, as overlayfs merges them. In the layer a character device 0:0 is a
 * deletion, and the attribute `trusted.overlay.opaque` hides what the base has in a directory.
 */
export class OverlayTree {
  readonly #base: Ext4Reader;
  readonly #layer: Ext4Reader | undefined;

  constructor(base: Ext4Reader, layer?: Ext4Reader) {
    this.#base = base;
    this.#layer = layer;
  }

  async root(): Promise<OverlayNode> {
    const upper = (await this.#layer?.list(ROOT_INODE))?.get("upper");
    return { mode: MODE.directory, upper: isDirectory(upper) ? upper?.inode : undefined, lower: ROOT_INODE };
  }

  /** The names in a directory, sorted, each with its node. */
  async list(directory: OverlayNode): Promise<ReadonlyMap<string, OverlayNode>> {
    const upper = await this.#upperOf(directory);
    const lower = await this.#lowerOf(directory);
    const names = [...new Set([...upper.keys(), ...lower.keys()])].sort();
    const nodes = new Map<string, OverlayNode>();
    for (const name of names) {
      const node = await this.#merge(upper.get(name), lower.get(name));
      if (node && !isBookkeeping(directory, name)) nodes.set(name, node);
    }
    return nodes;
  }

  async find(directory: OverlayNode, name: string): Promise<OverlayNode | undefined> {
    if (isBookkeeping(directory, name)) return undefined;
    const upper = (await this.#upperOf(directory)).get(name);
    return this.#merge(upper, (await this.#lowerOf(directory)).get(name));
  }

  stat({ upper, lower }: OverlayNode): Promise<Ext4Inode> {
    if (upper !== undefined && this.#layer) return this.#layer.stat(upper);
    return this.#base.stat(lower ?? ROOT_INODE);
  }

  read({ upper, lower }: OverlayNode): AsyncGenerator<Buffer> {
    if (upper !== undefined && this.#layer) return this.#layer.read(upper);
    return this.#base.read(lower ?? ROOT_INODE);
  }

  async #upperOf({ upper }: OverlayNode): Promise<ReadonlyMap<string, Ext4Entry>> {
    return upper === undefined || !this.#layer ? new Map() : this.#layer.list(upper);
  }

  async #lowerOf({ lower }: OverlayNode): Promise<ReadonlyMap<string, Ext4Entry>> {
    return lower === undefined ? new Map() : this.#base.list(lower);
  }

  async #merge(upper: Ext4Entry | undefined, lower: Ext4Entry | undefined): Promise<OverlayNode | undefined> {
    if (!upper || !this.#layer) return lower && { mode: lower.mode, lower: lower.inode };
    if ((upper.mode & TYPE_MASK) === MODE.character) {
      const { device } = await this.#layer.stat(upper.inode);
      return device === "0:0" ? undefined : { mode: upper.mode, upper: upper.inode };
    }
    const shines =
      isDirectory(upper) &&
      isDirectory(lower) &&
      (await this.#layer.attribute(upper.inode, "trusted.overlay.opaque")) !== "y";
    return { mode: upper.mode, upper: upper.inode, lower: shines ? lower?.inode : undefined };
  }
}

function isDirectory(entry: Ext4Entry | undefined): boolean {
  return entry !== undefined && (entry.mode & TYPE_MASK) === MODE.directory;
}

/** What mke2fs puts into the root of a file system is no file of the image's. */
function isBookkeeping({ lower }: OverlayNode, name: string): boolean {
  return lower === ROOT_INODE && name === "lost+found";
}
