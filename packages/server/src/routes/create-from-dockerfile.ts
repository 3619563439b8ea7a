import { parseInput } from "@bandsox/contract";
import { CreateVmBody, toWireVm } from "@bandsox/contract/api";
import type { Handler } from "../route.ts";
import type { Served } from "../served.ts";
import { DEFAULT_MEM_MIB, vmOptions } from "./create-vm.ts";
import { readForm } from "./form.ts";
import { given } from "./given.ts";
import { parseJsonField } from "./json-field.ts";

const DOCKERFILE_MAX_BYTES = 1024 * 1024;

/** Builds an uploaded Dockerfile, which sees no file of this host, and makes a VM of it. */
export function createFromDockerfile({
  bandsox,
  admission,
}: Served): Handler<"POST /api/vms/from-dockerfile"> {
  return async ({ request, signal }) => {
    const { fields, files } = await readForm(request, { dockerfile: DOCKERFILE_MAX_BYTES });
    const text = (files.dockerfile ?? Buffer.from(fields.dockerfile ?? "")).toString("utf8");
    const spec = parseInput(CreateVmBody.omit({ image: true, force_rebuild: true }), specOf(fields), "form");
    const noCache = fields.force_rebuild === "true" || fields.force_rebuild === "1";
    // A text is told from a path by its newline: a path of this host must not be had by leaving that out.
    const build = given({ name: fields.tag, noCache });
    const options = { ...vmOptions(spec), build, signal };
    const asked = { memMib: spec.mem_mib ?? DEFAULT_MEM_MIB, identity: request.identity };
    const vm = await admission.admit(asked, () => bandsox.createVmFromDockerfile(`${text}\n`, options));
    return { id: vm.id, status: "created", vm: toWireVm(await vm.info()) };
  };
}

function specOf(fields: Readonly<Record<string, string>>) {
  const number = (text: string | undefined) => (text === undefined || text === "" ? undefined : Number(text));
  const { name, enable_networking } = fields;
  return {
    name: name || undefined,
    vcpu: number(fields.vcpu),
    mem_mib: number(fields.mem_mib),
    disk_size_mib: number(fields.disk_size_mib),
    enable_networking: enable_networking === undefined ? undefined : enable_networking === "true",
    env_vars: parseJsonField(fields.env_vars, "env_vars"),
    metadata: parseJsonField(fields.metadata, "metadata"),
  };
}
