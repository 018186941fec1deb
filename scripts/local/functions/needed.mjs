// Which modules a Node.js function needs, as its files say: `node --expose-internals … needed.mjs` reads where to look
// as JSON on stdin and writes what it found.
//
//   {"file": handler's, "folders": […], "layers": […]}   as `resolving.mjs` takes them
//   {"missing": [{"module": name, "file": who asks, "optional": bool}]}
//
// Files are followed from the handler's on, through packages and layers. What is asked for inside a `try` is optional,
// and so is what a package asks for that its package.json does not require.
import fs from "node:fs";
import Module, { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { install } from "./resolving.mjs";

const acorn = createRequire(import.meta.url)("internal/deps/acorn/acorn/dist/acorn");
const SOURCES = new Set([".js", ".mjs", ".cjs", ""]);
const REQUEST = /\b(?:require\s*\(|from\b|import\b\s*\(?)\s*["'`]([^"'`\n]+)["'`]/g;
// Their packages require all that they need: nothing to be found there, and thousands of files.
const WHOLE = /[\\/]node_modules[\\/]@(?:aws-sdk|aws-crypto|smithy)[\\/]/;

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
install(asked);
const missing = new Map();
const seen = new Set();
const waiting = [fs.realpathSync(asked.file)];
while (waiting.length > 0) {
  const file = waiting.pop();
  if (seen.has(file)) continue;
  seen.add(file);
  if (WHOLE.test(file) || !SOURCES.has(path.extname(file))) continue;
  for (const one of requests(file)) await follow(file, one);
}
process.stdout.write(JSON.stringify({ missing: [...missing.values()] }));

async function follow(file, { specifier, isImport, optional }) {
  if (isBuiltin(specifier) || specifier.startsWith("data:")) return;
  try {
    const found = isImport
      ? fileURLToPath(await import.meta.resolve(specifier, pathToFileURL(file).href))
      : createRequire(file).resolve(specifier);
    if (path.isAbsolute(found)) waiting.push(fs.realpathSync(found));
  } catch (error) {
    if (!["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND", "ENOENT"].includes(error?.code)) return; // it is there
    const module = packageOf(specifier);
    const before = missing.get(module);
    const isOptional = optional || !isRequired(file, module);
    if (before === undefined || (before.optional && !isOptional))
      missing.set(module, { module, file, optional: isOptional });
  }
}

function packageOf(specifier) {
  if (/^(?:[./]|file:)/.test(specifier)) return specifier;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

// A file of the function's own, or of a layer that was packed as it is, requires what it asks for.
function isRequired(file, module) {
  const inside = file.lastIndexOf(`${path.sep}node_modules${path.sep}`);
  if (inside < 0 || module.startsWith(".") || module.startsWith("/")) return true;
  const root = file.slice(0, inside + "/node_modules/".length);
  const name = packageOf(file.slice(root.length).split(path.sep).join("/"));
  let described;
  try {
    described = JSON.parse(fs.readFileSync(path.join(root, name, "package.json"), "utf8"));
  } catch {
    return true; // not part of a package: what it requires is not known
  }
  if (described.peerDependenciesMeta?.[module]?.optional || described.optionalDependencies?.[module]) return false;
  return Boolean(described.dependencies?.[module] ?? described.peerDependencies?.[module] ?? !described.dependencies);
}

// Return what a file asks for by name; computed names cannot be known.
function requests(file) {
  const text = fs.readFileSync(file, "utf8");
  let tree;
  try {
    tree = acorn.parse(text, {
      ecmaVersion: "latest",
      sourceType: "script",
      allowHashBang: true,
      allowAwaitOutsideFunction: true,
      allowImportExportEverywhere: true,
      allowReturnOutsideFunction: true,
    });
  } catch {
    // Of a syntax that is newer than this parser, or none: Node says so when it runs. What looks like a request is one.
    return [...text.matchAll(REQUEST)].map(([all, specifier]) => {
      return { specifier, isImport: !all.startsWith("require"), optional: true };
    });
  }
  const found = [];
  const add = (node, isImport, optional) => {
    const specifier = node?.type === "Literal" ? node.value : node?.quasis?.length === 1 && node.quasis[0].value.cooked;
    if (typeof specifier === "string" && specifier) found.push({ specifier, isImport, optional });
  };
  const stack = [[tree, false]];
  while (stack.length > 0) {
    const [node, optional] = stack.pop();
    if (Array.isArray(node)) {
      for (const each of node) stack.push([each, optional]);
      continue;
    }
    if (typeof node?.type !== "string") continue;
    if (/^(?:Import|Export(?:Named|All))Declaration$/.test(node.type)) add(node.source, true, optional);
    if (node.type === "ImportExpression") add(node.source, true, optional);
    if (node.type === "CallExpression" && isRequire(node.callee)) add(node.arguments[0], false, optional);
    for (const [key, value] of Object.entries(node)) {
      if (value !== null && typeof value === "object")
        stack.push([value, optional || (node.type === "TryStatement" && key === "block")]);
    }
  }
  return found;
}

function isRequire(callee) {
  if (callee.type === "Identifier") return callee.name === "require";
  return callee.type === "MemberExpression" && callee.object.name === "require" && callee.property.name === "resolve";
}
