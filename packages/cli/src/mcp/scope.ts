/** What an agent may do, as the user who started the server said. */
export interface ScopeOptions {
  /** VMs of the user's it may use, beside those it makes: ids or names; `all` for every one */
  readonly vms: readonly string[] | "all";
  /** Images it may make VMs from; `*` stands for anything (default: every image) */
  readonly images?: readonly string[] | undefined;
  /** Whether it only looks */
  readonly isReadOnly: boolean;
  /** VMs of its own it has at once */
  readonly maxVms: number;
  /** Memory of each, in MiB */
  readonly maxMemMib: number;
  /** Whether they may have a network */
  readonly hasNetwork: boolean;
  /** Whether they stay when the agent has gone */
  readonly keepsVms: boolean;
}

/** An agent asked for what it may not do. The message is for the agent, and says what would be allowed. */
export class OutOfScope extends Error {}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** Decides what of what an agent asks for is done; knows the VMs and snapshots the agent made. */
export class Scope {
  readonly options: ScopeOptions;
  readonly #vms = new Set<string>();
  readonly #snapshots = new Set<string>();

  constructor(options: ScopeOptions) {
    this.options = options;
  }

  /** VMs the agent made and has not deleted. */
  get ownVms(): ReadonlySet<string> {
    return this.#vms;
  }

  hasVm({ id, name }: Named): boolean {
    const { vms } = this.options;
    return this.#vms.has(id) || vms === "all" || vms.includes(id) || vms.includes(name);
  }

  /** @throws {OutOfScope} */
  assertVm(vm: Named): void {
    if (this.hasVm(vm)) return;
    throw new OutOfScope(`the VM ${vm.id} is not one of those this server may use: make one with create_vm`);
  }

  /** Snapshots of VMs it may use are those it may use. @throws {OutOfScope} */
  assertSnapshot({ id, vmId, vmName }: { id: string; vmId: string; vmName: string }): void {
    if (this.#snapshots.has(id) || this.hasVm({ id: vmId, name: vmName })) return;
    throw new OutOfScope(`the snapshot ${id} is not one of those this server may use`);
  }

  /** @throws {OutOfScope} */
  assertImage(image: string): void {
    const { images } = this.options;
    if (!images || images.some((pattern) => matches(pattern, image))) return;
    throw new OutOfScope(`VMs may be made from ${images.join(", ")} only, not from ${image}`);
  }

  /** @throws {OutOfScope} */
  assertSize({
    memMib,
    networking,
  }: {
    memMib?: number | undefined;
    networking?: boolean | undefined;
  }): void {
    const { maxMemMib, hasNetwork } = this.options;
    if (memMib !== undefined && memMib > maxMemMib)
      throw new OutOfScope(`a VM may have ${maxMemMib} MiB of memory at most, not ${memMib}`);
    if (networking && !hasNetwork) throw new OutOfScope("VMs may have no network");
  }

  /** Whether it may decide about networks, too. @throws {OutOfScope} */
  assertNetwork(): void {
    if (!this.options.hasNetwork) throw new OutOfScope("this server may not change what VMs connect to");
  }

  /** @throws {OutOfScope} */
  assertRoom(count: number): void {
    const { maxVms } = this.options;
    if (this.#vms.size + count <= maxVms) return;
    throw new OutOfScope(
      `there may be ${maxVms} VMs at once, and there are ${this.#vms.size}: delete some first`,
    );
  }

  addVm(id: string): void {
    this.#vms.add(id);
  }

  removeVm(id: string): void {
    this.#vms.delete(id);
  }

  addSnapshot(id: string): void {
    this.#snapshots.add(id);
  }
}

function matches(pattern: string, image: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(image);
}
