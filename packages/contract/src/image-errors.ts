import { z } from "zod";

const text = z.string();
const image = z.object({ reference: text });

/** The ways to fail at images and registries; part of the table in `errors.ts`. */
export const IMAGE_ERRORS = {
  image_not_found: {
    status: 404,
    retryable: false,
    details: image,
    hint: "check the path, or the name and the tag; private images need `docker login` credentials",
  },
  image_unknown: {
    status: 404,
    retryable: false,
    details: image,
    hint: "list the images of the store with `bandsox image list`",
  },
  image_in_use: {
    status: 409,
    retryable: false,
    details: z.object({ reference: text, users: z.array(text) }),
    hint: "delete the VMs and snapshots that stand on it first",
  },
  image_builder_missing: {
    status: 503,
    retryable: false,
    details: z.object({ tool: text }),
    hint: "install it with `apt install buildah`",
  },
  image_build_failed: {
    status: 422,
    retryable: false,
    details: z.object({ dockerfile: text, output: text }),
    hint: "the build's last words are in the details; the image of that name is as it was",
  },
  image_platform_missing: {
    status: 404,
    retryable: false,
    details: image,
    hint: "choose an image built for this machine's architecture",
  },
  registry_unreachable: {
    status: 502,
    retryable: true,
    details: image,
    hint: "check the network and the registry's address; images already in the store need neither",
  },
  registry_unauthorized: {
    status: 401,
    retryable: false,
    details: image,
    hint: "log in to the registry with `docker login` or `skopeo login`",
  },
  registry_rate_limited: {
    status: 429,
    retryable: true,
    details: image,
    hint: "wait, or log in to the registry to raise the limit",
  },
  image_daemon_unreachable: {
    status: 502,
    retryable: true,
    details: image,
    hint: "start Docker or Podman, or name its socket in DOCKER_HOST",
  },
  image_digest_mismatch: {
    status: 502,
    retryable: true,
    details: image,
    hint: "the bytes are not what the digest promises; nothing was kept, try again",
  },
  image_invalid: {
    status: 422,
    retryable: false,
    details: image,
    hint: "the image is damaged or breaks its format; rebuild it",
  },
  image_unsupported: {
    status: 422,
    retryable: false,
    details: image,
    hint: "convert the image to the OCI format",
  },
  image_too_large: {
    status: 413,
    retryable: false,
    details: image,
    hint: "use a smaller image",
  },
} as const;
