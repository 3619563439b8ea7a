/** How the API's objects and frames travel; loads no schema library. */
export * from "./api/frames.ts";
export * from "./api/wire.ts";
export * from "./api/wire-vm.ts";
export * from "./python.ts";
export * from "./terminal-output.ts";
export * from "./vm-moves.ts";
