import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { type Tool, tool, VM, vmOf } from "./tool.ts";

/** What an agent is given of each output stream: more would fill its context. */
const OUTPUT_MAX_BYTES = 64 * 1024;
const READ_MAX_BYTES = 256 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;
const LONGEST_TIMEOUT_MS = 3_600_000;

const PATH = z.string().min(1).describe("absolute path in the VM");
const TIMEOUT = z
  .int()
  .min(1)
  .max(LONGEST_TIMEOUT_MS)
  .optional()
  .describe(`time after which it is killed, in ms (default: ${DEFAULT_TIMEOUT_MS})`);

/** Running things in a VM, and its files. */
export const GUEST_TOOLS: readonly Tool[] = [
  tool("exec", {
    title: "Run a command",
    description:
      "Run a command in a VM to its end. A non-zero exitCode is a result. Of each stream the first 64 KiB are returned.",
    input: z.object({
      vm: VM,
      command: z
        .union([z.string().min(1), z.array(z.string()).min(1)])
        .describe("a line for /bin/sh -c, or a program with its arguments"),
      stdin: z.string().optional().describe("what the command reads (default: nothing)"),
      cwd: z.string().optional().describe("working directory (default: the image's)"),
      env: z.record(z.string(), z.string()).optional().describe("variables for this command"),
      user: z.string().optional().describe("user to run as (default: the image's)"),
      timeoutMs: TIMEOUT,
    }),
    run: async ({ vm: reference, command, timeoutMs = DEFAULT_TIMEOUT_MS, ...options }, world) => {
      const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
      const limits = { timeoutMs, maxOutputBytes: OUTPUT_MAX_BYTES, signal: world.signal };
      const { output: _, ...result } = await (await vmOf(world, reference)).exec(command, {
        ...given,
        ...limits,
      });
      return { ...result };
    },
  }),
  tool("run_python", {
    title: "Run Python",
    description:
      "Run Python source with the VM's python3. Packages need an image with pip, and a network for them to come from.",
    input: z.object({
      vm: VM,
      code: z.string().min(1).describe("Python source"),
      packages: z.array(z.string()).optional().describe("packages to install for it, as pip takes them"),
      timeoutMs: TIMEOUT,
    }),
    run: async ({ vm: reference, code, packages, timeoutMs = DEFAULT_TIMEOUT_MS }, world) => {
      const limits = { timeoutMs, maxOutputBytes: OUTPUT_MAX_BYTES, signal: world.signal };
      const vm = await vmOf(world, reference);
      const result = await vm.execPythonCapture(code, { ...(packages ? { packages } : {}), ...limits });
      const { output: _, ...told } = result;
      return { ...told };
    },
  }),
  tool("read_file", {
    title: "Read a file",
    description: "Read a file of a VM, up to 256 KiB from an offset. What is no UTF-8 comes as base64.",
    input: z.object({
      vm: VM,
      path: PATH,
      offset: z.int().min(0).optional().describe("first byte (default: 0)"),
    }),
    isReadOnly: true,
    run: async ({ vm: reference, path, offset = 0 }, world) => {
      const { files } = await vmOf(world, reference);
      const { signal } = world;
      const { size } = await files.stat(path, { signal });
      const content = await files.read(path, { offset, length: READ_MAX_BYTES, signal });
      const encoding = isUtf8(content) ? "utf8" : "base64";
      return { path, size, offset, bytes: content.length, encoding, content: content.toString(encoding) };
    },
  }),
  tool("write_file", {
    title: "Write a file",
    description: "Write a file of a VM in one step; its directory is there already.",
    input: z.object({
      vm: VM,
      path: PATH,
      content: z.string(),
      encoding: z.enum(["utf8", "base64"]).optional().describe("what content is (default: utf8)"),
    }),
    isDestructive: true,
    run: async ({ vm: reference, path, content, encoding = "utf8" }, world) => {
      const { files } = await vmOf(world, reference);
      return { file: await files.write(path, Buffer.from(content, encoding), { signal: world.signal }) };
    },
  }),
  tool("list_files", {
    title: "List files",
    description: "List a directory of a VM.",
    input: z.object({ vm: VM, path: PATH }),
    isReadOnly: true,
    run: async ({ vm: reference, path }, world) => {
      const { files } = await vmOf(world, reference);
      return { files: await files.list(path, { signal: world.signal, maxEntries: 1000 }) };
    },
  }),
];
