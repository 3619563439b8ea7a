// A web app's preview: it serves in a guest without any network, and a port of this machine leads to it.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";

await using bandsox = new BandSox();
const vm = await bandsox.createVm(image, { networking: false });
try {
  await vm.files.writeText("/srv/index.html", "<h1>hello from a guest</h1>");
  const script = `
import functools, http.server
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/srv")
server = http.server.HTTPServer(("127.0.0.1", 8080), handler)
print("listening", flush=True)
server.serve_forever()`;
  const app = await vm.sessions.start(["python3", "-c", script]);
  for await (const event of app.attach()) if (event.type === "stdout") break; // it listens
  await using port = await vm.forwardPort({ guest: 8080 });
  console.log(`open http://127.0.0.1:${port.port}`);
  const answer = await fetch(`http://127.0.0.1:${port.port}/`);
  console.log(answer.status, await answer.text());
} finally {
  await vm.delete();
}
