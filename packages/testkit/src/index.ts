export { type EngineUnderTest, engineContract } from "./engine-contract.ts";
export { type FakeAgent, type FakeAgentOptions, startFakeAgent } from "./fake-agent.ts";
export { frame, jsonFrame, switchTo } from "./fake-duplex.ts";
export { type FakeEngine, fakeEngine } from "./fake-engine.ts";
export { FAKE_OOM_KILL, FAKE_PROCESS, FAKE_STATS } from "./fake-health.ts";
export { FAKE_DIGEST, type FakePorts, fakePorts } from "./fake-ports.ts";
export { type HostileAgent, startHostileAgent } from "./hostile-agent.ts";
export { type RunningVm, runningVm } from "./running-vm.ts";
export { temporaryDirectory } from "./temporary-directory.ts";
