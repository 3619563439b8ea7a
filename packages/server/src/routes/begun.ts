/** A stream whose first piece is there, so that what cannot be read is a problem and not a broken answer. */
export async function begun(
  source: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<AsyncIterable<Uint8Array>> {
  const first = await source.next();
  async function* all(): AsyncGenerator<Uint8Array, void, undefined> {
    if (first.done) return;
    try {
      yield first.value;
      yield* source;
    } finally {
      await source.return();
    }
  }
  return all();
}
