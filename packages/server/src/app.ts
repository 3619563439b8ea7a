import { BandSoxError } from "@bandsox/contract";
import helmet from "@fastify/helmet";
import multipart from "@fastify/multipart";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { Admission } from "./admission.ts";
import { guardRoutes } from "./auth/guard.ts";
import { serveDashboard } from "./dashboard.ts";
import { repeatable } from "./idempotency.ts";
import { Metrics } from "./metrics.ts";
import { describeApi } from "./openapi.ts";
import { answerError, pathOf, sendProblem } from "./problem.ts";
import { logRequests, newRequestId } from "./request-log.ts";
import { serveRoutes } from "./route.ts";
import { allHandlers } from "./routes/all-handlers.ts";
import type { Served } from "./served.ts";
import { boundSlowBodies } from "./slow-bodies.ts";
import { acceptSockets, serveSockets } from "./sockets/all-sockets.ts";

export interface AppOptions extends Pick<Served, "bandsox" | "auth" | "storageDir"> {
  /** Memory the host can still give, in MiB (default: as its kernel estimates it) */
  readonly availableMib?: (() => Promise<number>) | undefined;
  /** Where requests and failures are told (default: nowhere) */
  readonly logger?: FastifyBaseLogger | undefined;
  /** Time nothing of a request's body may come, in ms (default: `30000`) */
  readonly bodyPatienceMs?: number | undefined;
  /** Directory of the built dashboard, if it is to be served */
  readonly dashboardDir?: string | undefined;
  /** Origins beside the server's own from which pages may call */
  readonly allowedOrigins?: readonly string[] | undefined;
}

const PARAM_MAX_CHARACTERS = 256;
const BODY_PATIENCE_MS = 30_000;

/** The server without its socket: what answers a request. In an object, for it is itself something to be awaited. */
export async function serverApp({
  logger,
  dashboardDir,
  allowedOrigins,
  availableMib,
  bodyPatienceMs = BODY_PATIENCE_MS,
  ...library
}: AppOptions): Promise<{ readonly app: FastifyInstance }> {
  const app = Fastify({
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    routerOptions: { maxParamLength: PARAM_MAX_CHARACTERS },
    genReqId: newRequestId,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: true,
    forceCloseConnections: true,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => {
    const details = { method: request.method, path: pathOf(request) };
    const message = `there is no ${request.method} ${details.path}`;
    sendProblem(reply, new BandSoxError("route_not_found", message, details));
  });
  const metrics = new Metrics(library.bandsox);
  metrics.observe(app);
  logRequests(app);
  boundSlowBodies(app, bodyPatienceMs);
  const served: Served = { ...library, metrics, admission: new Admission({ ...library, availableMib }) };
  readBodies(app);
  await acceptSockets(app);
  await app.register(helmet, SECURITY_HEADERS);
  await guardRoutes(app, { auth: served.auth, allowedOrigins });
  await app.register(multipart);
  await describeApi(app);
  serveRoutes(app, repeatable(allHandlers(served)));
  serveSockets(app, served);
  await serveDashboard(app, dashboardDir);
  return { app };
}

/** Nothing from elsewhere runs in a page of ours, and no page of elsewhere frames one. */
const SECURITY_HEADERS = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      // Component libraries set styles on elements; scripts are files of ours alone.
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", "data:", "blob:"],
      fontSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      workerSrc: ["'self'", "blob:"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  strictTransportSecurity: false, // whoever ends TLS in front of this server decides that
};

/** JSON is parsed; bytes are left to whoever takes them. An empty body is none, whatever its type says. */
function readBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else parseJson(request, String(body), done);
  });
  app.addContentTypeParser(["application/octet-stream", "application/x-tar"], (_, payload, done) =>
    done(null, payload),
  );
}
