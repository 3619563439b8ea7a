import xxhash from "xxhash-wasm";

/** A running xxHash64 with seed 0. */
export interface Xxh64 {
  update(data: Uint8Array): void;
  /** 16 hex digits */
  digest(): string;
}

let loading: ReturnType<typeof xxhash> | undefined;

/** A new xxHash64; the first call of the process compiles its WebAssembly. */
export async function newXxh64(): Promise<Xxh64> {
  loading ??= xxhash();
  const { create64 } = await loading;
  const hash = create64();
  return {
    update: (data) => void hash.update(data),
    digest: () => hash.digest().toString(16).padStart(16, "0"),
  };
}
