import { AuthStore, serverApp } from "@bandsox/server";
import { type FakeCore, type FakeCoreOptions } from "@bandsox/testkit";
import { BandSox } from "bandsox";

type App = Awaited<ReturnType<typeof serverApp>>["app"];
/** A server over a world without machines: each guest is an agent double of this process. */
export interface ServerWorld extends AsyncDisposable, FakeCore {
  readonly app: App;
  readonly auth: AuthStore;
  readonly bandsox: BandSox;
  /** Where it listens, on loopback */
  readonly url: string;
  /** What was made when access was closed, if it was */
  readonly credentials:
    | {
        readonly password: string;
        readonly key: string;
      }
    | undefined;
  readonly storageDir: string;
}
export interface ServerWorldOptions extends FakeCoreOptions {
  /** Whether callers have to say who they are (default: `false`) */
  readonly closed?: boolean;
  /** (default: the real one) */
  readonly now?: () => number;
  /** Memory the host can still give, in MiB (default: enough) */
  readonly availableMib?: () => Promise<number>;
}
/** Opens a world of a test's own. */
export declare function serverWorld({
  closed,
  now,
  availableMib,
  ...agent
}?: ServerWorldOptions): Promise<ServerWorld>;
