import type { AddressInfo } from "node:net";
import { AuthStore, serverApp, serverLogger } from "@bandsox/server";
import {
  type FakeCore,
  type FakeCoreOptions,
  fakeCore,
  fakeFiles,
  temporaryDirectory,
} from "@bandsox/testkit";
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
  readonly credentials: { readonly password: string; readonly key: string } | undefined;
  readonly storageDir: string;
}

export interface ServerWorldOptions extends FakeCoreOptions {
  /** Whether callers have to say who they are (default: `false`) */
  readonly closed?: boolean;
  /** (default: the real one) */
  readonly now?: () => number;
  /** Memory the host can still give, in MiB (default: enough) */
  readonly availableMib?: () => Promise<number>;
  /** Time nothing of a request's body may come, in ms (default: the server's own) */
  readonly bodyPatienceMs?: number;
  /** Told each line of the server's log */
  readonly log?: (line: string) => void;
}

/** Opens a world of a test's own. */
export async function serverWorld({
  closed = false,
  now,
  availableMib = async () => 1_000_000,
  bodyPatienceMs,
  log,
  ...agent
}: ServerWorldOptions = {}): Promise<ServerWorld> {
  await using stack = new AsyncDisposableStack();
  const { path: storageDir } = stack.use(await temporaryDirectory());
  const { path: guestDir } = stack.use(await temporaryDirectory());
  const files = fakeFiles(guestDir).handler;
  const fake = stack.use(await fakeCore(storageDir, { files, ...agent }));
  const auth = stack.use(new AuthStore(storageDir, now));
  const credentials = closed ? await auth.init() : undefined;
  const logger = log && serverLogger({ level: "debug", write: log });
  const bandsox = BandSox.over(fake.core);
  const { app } = await serverApp({ bandsox, auth, availableMib, bodyPatienceMs, logger, storageDir });
  stack.defer(() => app.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const opened = stack.move();
  return {
    ...{ ...fake, app, auth, bandsox, url, credentials, storageDir },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
