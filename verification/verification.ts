import { isDeepStrictEqual } from "node:util";
import { BandSox, isBandSoxError, type Vm } from "bandsox";

const IMAGES = ["bandsox/python:bookworm", "python:3-alpine"];
/** Exit code of a program that cannot be run here, with the reason as its last line: what automake's tests use, too */
const SKIPPED = 77;

/** What a verification works with. */
export interface Verification {
  readonly bandsox: BandSox;
  /** An image with a shell and Python */
  readonly image: string;
  /** Deletes a VM when the verification ends, however that is; with its image where that was made for it. */
  own(vm: Vm, options?: { withImage?: boolean }): Vm;
  /** Says what is done, then does it. */
  step<T>(what: string, work: () => Promise<T> | T): Promise<T>;
  /** Throws unless both are equal. */
  expect(found: unknown, wanted: unknown): void;
}

/** Why a verification cannot be run here. */
export class Skip extends Error {}

/**
 * Runs one verification on the VMs of this machine, or of the server that `BANDSOX_URL` names, and sets the exit code:
 * 0 when all held, 1 when something did not, 77 when it cannot be run here.
 */
export async function verify(work: (v: Verification) => Promise<void>): Promise<void> {
  const { BANDSOX_URL: url, BANDSOX_API_KEY: apiKey } = process.env;
  try {
    await using stack = new AsyncDisposableStack();
    const bandsox = stack.use(url ? new BandSox(url, apiKey ? { apiKey } : {}) : new BandSox());
    const own: Verification["own"] = (vm, { withImage = false } = {}) => {
      stack.defer(async () => {
        const image = withImage ? (await vm.info().catch(() => undefined))?.image : undefined;
        await vm.delete();
        if (image) await bandsox.images.remove(image);
      });
      return vm;
    };
    const image = await chooseImage(bandsox);
    await Promise.race([work({ bandsox, image, own, step, expect }), interruption()]);
    say("everything held");
  } catch (error) {
    if (error instanceof Skip) {
      say(error.message);
      process.exitCode = SKIPPED;
      return;
    }
    say(`FAILED: ${error instanceof Error ? error.message : error}`);
    if (isBandSoxError(error)) say(`hint: ${error.hint}`);
    process.exitCode = 1;
  }
}

/** Rejects when this process is to end, so that what it has made is removed first. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
  });
}

async function chooseImage(bandsox: BandSox): Promise<string> {
  const { BANDSOX_VERIFY_IMAGE: wanted } = process.env;
  if (wanted) return wanted;
  for (const image of IMAGES) if (await bandsox.hasImage(image)) return image;
  return IMAGES.at(-1) ?? "";
}

async function step<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  const begun = performance.now();
  const result = await work();
  say(`${what} (${(performance.now() - begun).toFixed(0)} ms)`);
  return result;
}

function expect(found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(`expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
