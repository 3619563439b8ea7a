export { type EngineUnderTest, engineContract } from "./engine-contract.ts";
export { type FakeAgent, type FakeAgentOptions, frame, startFakeAgent } from "./fake-agent.ts";
export { type FakeEngine, fakeEngine } from "./fake-engine.ts";
export { type FakeFiles, type FakeFilesHandler, FakeRefusal, fakeFiles, framed } from "./fake-files.ts";
export { FAKE_DIGEST, type FakePorts, fakePorts } from "./fake-ports.ts";
export { type FilesWorld, filesWorld } from "./files-world.ts";
export { type ScriptedHost, scriptedHost } from "./scripted-host.ts";
export { temporaryDirectory } from "./temporary-directory.ts";
