var __addDisposableResource =
  (this && this.__addDisposableResource) ||
  ((env, value, async) => {
    if (value !== null && value !== void 0) {
      if (typeof value !== "object" && typeof value !== "function") throw new TypeError("Object expected.");
      var dispose, inner;
      if (async) {
        if (!Symbol.asyncDispose) throw new TypeError("Symbol.asyncDispose is not defined.");
        dispose = value[Symbol.asyncDispose];
      }
      if (dispose === void 0) {
        if (!Symbol.dispose) throw new TypeError("Symbol.dispose is not defined.");
        dispose = value[Symbol.dispose];
        if (async) inner = dispose;
      }
      if (typeof dispose !== "function") throw new TypeError("Object not disposable.");
      if (inner)
        dispose = function () {
          try {
            inner.call(this);
          } catch (e) {
            return Promise.reject(e);
          }
        };
      env.stack.push({ value: value, dispose: dispose, async: async });
    } else if (async) {
      env.stack.push({ async: true });
    }
    return value;
  });
var __disposeResources =
  (this && this.__disposeResources) ||
  ((SuppressedError) => (env) => {
    function fail(e) {
      env.error = env.hasError
        ? new SuppressedError(e, env.error, "An error was suppressed during disposal.")
        : e;
      env.hasError = true;
    }
    var r,
      s = 0;
    function next() {
      while ((r = env.stack.pop())) {
        try {
          if (!r.async && s === 1) return ((s = 0), env.stack.push(r), Promise.resolve().then(next));
          if (r.dispose) {
            var result = r.dispose.call(r.value);
            if (r.async)
              return (
                (s |= 2),
                Promise.resolve(result).then(next, (e) => {
                  fail(e);
                  return next();
                })
              );
          } else s |= 1;
        } catch (e) {
          fail(e);
        }
      }
      if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve();
      if (env.hasError) throw env.error;
    }
    return next();
  })(
    typeof SuppressedError === "function"
      ? SuppressedError
      : (error, suppressed, message) => {
          var e = new Error(message);
          return ((e.name = "SuppressedError"), (e.error = error), (e.suppressed = suppressed), e);
        },
  );

import { AuthStore, serverApp } from "@bandsox/server";
import { fakeCore, temporaryDirectory } from "@bandsox/testkit";
import { BandSox } from "bandsox";
/** Opens a world of a test's own. */
export async function serverWorld({
  closed = false,
  now,
  availableMib = async () => 1_000_000,
  ...agent
} = {}) {
  const env_1 = { stack: [], error: void 0, hasError: false };
  try {
    const stack = __addDisposableResource(env_1, new AsyncDisposableStack(), true);
    const { path: storageDir } = stack.use(await temporaryDirectory());
    const fake = stack.use(await fakeCore(storageDir, agent));
    const auth = stack.use(new AuthStore(storageDir, now));
    const credentials = closed ? await auth.init() : undefined;
    const bandsox = BandSox.over(fake.core);
    const { app } = await serverApp({ bandsox, auth, availableMib });
    stack.defer(() => app.close());
    await app.listen({ host: "127.0.0.1", port: 0 });
    const url = `http://127.0.0.1:${app.server.address().port}`;
    const opened = stack.move();
    return {
      ...{ ...fake, app, auth, bandsox, url, credentials, storageDir },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (e_1) {
    env_1.error = e_1;
    env_1.hasError = true;
  } finally {
    const result_1 = __disposeResources(env_1);
    if (result_1) await result_1;
  }
}
//# sourceMappingURL=server-world.js.map
