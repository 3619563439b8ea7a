/** Handles that were given away and not yet disposed of. Disposing of this disposes of them. */
export class OpenHandles implements AsyncDisposable {
  readonly #open = new Set<AsyncDisposable>();

  /** Keeps a handle until it is disposed of by its user, which is done at most once. */
  keep<T extends AsyncDisposable>(handle: T): T {
    const dispose = async () => {
      if (this.#open.delete(kept)) await handle[Symbol.asyncDispose]();
    };
    const kept: T = { ...handle, [Symbol.asyncDispose]: dispose };
    this.#open.add(kept);
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using all = new AsyncDisposableStack();
    for (const handle of this.#open) all.use(handle);
  }
}
