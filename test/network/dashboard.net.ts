import { afterAll, beforeAll, expect, test } from "vitest";
import { type DashboardWorld, openDashboard, PATIENCE_MS } from "../e2e/support/dashboard-world.ts";
import { networkState, openInternet } from "./support/internet.ts";

const resources = new AsyncDisposableStack();
let dashboard: DashboardWorld;

beforeAll(async () => {
  resources.use(await openInternet());
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  dashboard = await openDashboard(resources, { networking: { egress: "none" } });
});
afterAll(() => resources.disposeAsync());

const eventually = (look: () => unknown) => expect.poll(look, { timeout: PATIENCE_MS });
const get = (address: string) =>
  dashboard.vm.exec(`printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 ${address} 80`, { timeoutMs: 30_000 });

test("what a guest was denied is seen as it is denied, and allowed by a click", async () => {
  const { vm, window } = dashboard;
  const { page, troubles } = window;
  await page.goto(`/vms/${vm.id}?tab=network`);
  await page.getByText("It has asked for nothing yet.").waitFor();
  expect((await get("93.184.216.34")).stdout).toBe("");
  expect((await get("1.1.1.1")).stdout).toBe("");
  const denied = page.getByRole("row", { name: /deny.*93\.184\.216\.34:80/ }).first();
  await denied.waitFor();
  await denied.getByRole("button", { name: "Allow tcp://93.184.216.34:80" }).click();
  await page.getByText("box may connect to tcp://93.184.216.34:80.").waitFor();
  await eventually(async () => (await get("93.184.216.34")).stdout).toContain("you are");
  await page
    .getByRole("row", { name: /allow.*93\.184\.216\.34:80/ })
    .first()
    .waitFor();
  expect((await get("1.1.1.1")).stdout).toBe("");
  expect((await vm.info()).network?.egress).toMatchObject({ preset: "none", allow: [expect.anything()] });
  expect(troubles).toEqual([]);
});

test("a name that was denied is allowed by a click, and then found and reached", async () => {
  const { vm, window } = dashboard;
  const { page } = window;
  const lookUp = async () => (await vm.exec(["nslookup", "example.com", "198.18.0.1"])).stdout;
  expect(await lookUp()).not.toContain("93.184.216.34");
  await page.getByRole("button", { name: "Allow example.com" }).first().click();
  await page.getByText("box may connect to example.com.").waitFor();
  await eventually(lookUp).toContain("93.184.216.34");
  expect((await get("93.184.216.34")).stdout).toContain("you are");
});
