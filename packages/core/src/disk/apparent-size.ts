/**
 * Disks have one apparent size by role, whatever the file system in them has: then no capacity ever changes under a
 * guest whose machine was saved over other disks. The files are sparse and cost what is written.
 */

/** Every base disk's size as the guest sees it; `bandsox-image build-disk` makes them so. */
export const BASE_APPARENT_BYTES = 16 * 1024 ** 3;

/** Every layer disk's size as the guest sees it. */
export const LAYER_APPARENT_BYTES = 65 * 1024 ** 3;
