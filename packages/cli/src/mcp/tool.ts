import type { BandSox, Vm } from "bandsox";
import { z } from "zod";
import type { Scope } from "./scope.ts";

/** What a tool works with. */
export interface ToolWorld {
  readonly bandsox: BandSox;
  readonly scope: Scope;
  /** Fires when the client cancels the call, or the server ends */
  readonly signal: AbortSignal;
}

/** One thing an agent can ask for. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  /** Whether it leaves everything as it was */
  readonly isReadOnly: boolean;
  readonly isDestructive: boolean;
  run(input: unknown, world: ToolWorld): Promise<Record<string, unknown>>;
}

interface ToolSpec<I extends z.ZodObject> {
  readonly title: string;
  readonly description: string;
  readonly input: I;
  readonly isReadOnly?: boolean;
  readonly isDestructive?: boolean;
  readonly run: (input: z.infer<I>, world: ToolWorld) => Promise<Record<string, unknown>>;
}

/** A tool; its input is what its schema lets through. */
export function tool<I extends z.ZodObject>(name: string, spec: ToolSpec<I>): Tool {
  const { title, description, input, run, isReadOnly = false, isDestructive = false } = spec;
  return {
    ...{ name, title, description, input, isReadOnly, isDestructive },
    run: (given, world) => run(input.parse(given) as z.infer<I>, world),
  };
}

/** The argument that names a VM. */
export const VM = z.string().min(1).describe("id, name, or the start of the id of a VM");

/** The VM of that name, if the agent may use it. */
export async function vmOf({ bandsox, scope }: ToolWorld, reference: string): Promise<Vm> {
  const vm = await bandsox.getVm(reference);
  scope.assertVm(await vm.info());
  return vm;
}
