import fc from "fast-check";

/**
 * Property tests try the same inputs in every run of a commit, so that a run fails for what was changed. A number in
 * `BANDSOX_TEST_SEED` tries others, `random` others each time; the report of a failure has the seed.
 */
const asked = process.env.BANDSOX_TEST_SEED ?? "20261126";
fc.configureGlobal({ seed: asked === "random" ? Date.now() | 0 : Number(asked) });
