/**
 * A stream whose first piece is there, so that what cannot be read is a problem and not a broken answer. It has begun:
 * its end has to be told also when nobody ever reads it, which a generator around it would not do.
 */
export async function begun(
  source: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<AsyncIterableIterator<Uint8Array>> {
  let first: IteratorResult<Uint8Array, void> | undefined = await source.next();
  const next = async () => {
    const given = first ?? (await source.next());
    first = undefined;
    return given;
  };
  const iterator: AsyncIterableIterator<Uint8Array> = {
    next,
    return: () => source.return(),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
