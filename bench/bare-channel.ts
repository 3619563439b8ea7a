import { once } from "node:events";
import { Agent, type ClientRequest, get, request } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { rate } from "./figure.ts";

/** The agent's server without any of our client: what bounds everything that goes over the channel. */
async function dial(agentSocket: string): Promise<Socket> {
  const socket = connect(agentSocket);
  socket.write("CONNECT 52\n");
  await once(socket, "readable");
  const answer = socket.read() as Buffer;
  if (!answer.toString("latin1").startsWith("OK ")) throw new Error(`the agent answered ${answer}`);
  return socket;
}

/** What the agent says of itself, by the guest's clock since it booted. */
export async function hello(agentSocket: string): Promise<{ agentStartMs: number; agentReadyMs: number }> {
  const socket = await dial(agentSocket);
  try {
    const asked = get({ path: "/v1/hello", host: "guest", createConnection: () => socket });
    const [response] = await once(asked, "response");
    return JSON.parse(await text(response));
  } finally {
    socket.destroy();
  }
}

/** Times of a smallest call on a kept connection, in ms. */
export async function bareRoundTrips(agentSocket: string, count: number): Promise<number[]> {
  const socket = await dial(agentSocket);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => socket;
  const samples: number[] = [];
  try {
    for (let run = -20; run < count; run++) {
      const begun = performance.now();
      const asked = get({ path: "/v1/hello", host: "guest", agent });
      const [response] = await once(asked, "response");
      response.resume();
      await once(response, "end");
      if (run >= 0) samples.push(performance.now() - begun);
    }
  } finally {
    socket.destroy();
  }
  return samples;
}

/** Speed of bytes nobody looks at, to or from the guest, in MiB/s. */
export async function pump(agentSocket: string, to: "guest" | "host", bytes: number): Promise<number> {
  const socket = await dial(agentSocket);
  try {
    const begun = performance.now();
    const asked = request({
      method: to === "guest" ? "POST" : "GET",
      path: `/v1/pump?bytes=${bytes}`,
      ...{ host: "guest", createConnection: () => socket },
      headers: to === "guest" ? { "content-length": bytes } : {},
    });
    const answered = wholeAnswer(asked);
    if (to === "guest") await fill(asked, bytes);
    asked.end();
    const { statusCode, received } = await answered;
    if (statusCode !== 200 || (to === "host" && received !== bytes)) {
      throw new Error(`the pump answered ${statusCode} with ${received} bytes`);
    }
    return rate(bytes, performance.now() - begun);
  } finally {
    socket.destroy();
  }
}

/** Listens from the moment the answer begins: one whose connection has closed by the time it is read never ends. */
function wholeAnswer(asked: ClientRequest): Promise<{ statusCode: number | undefined; received: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    statusCode: number | undefined;
    received: number;
  }>();
  asked.once("error", reject);
  asked.once("response", (response) => {
    let received = 0;
    response.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    response.once("end", () => resolve({ statusCode: response.statusCode, received }));
    response.once("error", reject);
  });
  return promise;
}

async function fill(target: NodeJS.WritableStream, bytes: number): Promise<void> {
  const piece = Buffer.alloc(256 * 1024);
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!target.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(target, "drain");
  }
}
