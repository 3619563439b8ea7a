#!/usr/bin/env node
// Plain JavaScript of long ago, so that a Node too old for the rest can still say so.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    `bandsox: needs Node 24 or newer, and this is Node ${process.versions.node}: install a newer one, e.g. from the npm package \`node\`\n`,
  );
  process.exit(125);
}

// Node calls its SQLite experimental, which is nothing to tell those who run a command.
const emitWarning = process.emitWarning;
process.emitWarning = (warning, ...rest) => {
  if (rest[0] !== "ExperimentalWarning") emitWarning.call(process, warning, ...rest);
};

import("node:module").then(({ enableCompileCache }) => {
  enableCompileCache();
  return import("../dist/cli/main.js");
});
