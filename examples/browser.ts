// A browser in a VM: takes a picture of a page that the guest serves itself. Needs an image that has chromium, e.g.
// `bandsox image import 'debian:bookworm?include=chromium,python3-minimal' browser`.
import { writeFile } from "node:fs/promises";
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "browser";

await using bandsox = new BandSox();
const vm = await bandsox.createVm(image, { memMib: 1024, vcpu: 2, networking: false });
try {
  await vm.files.writeText("/srv/page.html", "<body style='background: gold'><h1>drawn in a guest</h1>");
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=400,200"];
  const { exitCode, stderr } = await vm.exec(
    ["chromium", ...flags, "--screenshot=/tmp/page.png", "file:///srv/page.html"],
    { timeoutMs: 300_000 },
  );
  if (exitCode !== 0) throw new Error(stderr);
  await writeFile("page.png", await vm.files.read("/tmp/page.png"));
  console.log("written: page.png");
} finally {
  await vm.delete();
}
