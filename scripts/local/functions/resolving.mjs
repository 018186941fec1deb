// Where a Node.js function finds modules on Lambda: beside its own code, then in its layers, then among those that the
// runtime brings. Node looks into NODE_PATH for `require` alone; Lambda's runtime does so for `import`, too.
//
// This module is both sides of `module.register`: `install` runs in the function's thread, `initialize` and `resolve`
// in the thread of hooks. Where Node has the synchronous `module.registerHooks` (22.15), there is one side only.
import fs from "node:fs";
import Module, { createRequire, register } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OPT = "/opt/"; // where Lambda unpacks layers

let places = { folders: [], layers: [] };

// Make modules of `folders` (each called node_modules) and files of `layers`, asked for below /opt, resolve.
// The first of the folders that has a package wins, and the first of the layers that has a file.
export function install({ folders, layers }) {
  places = { folders, layers };
  const given = process.env.NODE_PATH;
  process.env.NODE_PATH = [given, ...folders].filter(Boolean).join(path.delimiter);
  Module._initPaths(); // reads NODE_PATH; the function sees the variable as it was
  if (given === undefined) delete process.env.NODE_PATH;
  else process.env.NODE_PATH = given;
  const resolveFilename = Module._resolveFilename;
  Module._resolveFilename = (request, ...more) => resolveFilename.call(Module, ofLayers(request), ...more);
  if (folders.length === 0 && layers.length === 0) return;
  if (Module.registerHooks) Module.registerHooks({ resolve: resolveNow });
  else register?.(import.meta.url, { data: places }); // Node older than 18.19 has neither: `require` alone finds them
}

export function initialize(data) {
  places = data;
}

export async function resolve(specifier, context, next) {
  const asked = ofLayers(specifier);
  try {
    return await next(asked, context);
  } catch (error) {
    if (!isMissing(error, asked)) throw error;
    for (const parentURL of parents()) {
      try {
        return await next(asked, { ...context, parentURL });
      } catch (other) {
        if (!isMissing(other, asked)) throw other;
      }
    }
    throw error;
  }
}

function resolveNow(specifier, context, next) {
  const asked = ofLayers(specifier);
  try {
    return next(asked, context);
  } catch (error) {
    if (!isMissing(error, asked)) throw error;
    for (const parentURL of parents()) {
      try {
        return next(asked, { ...context, parentURL });
      } catch (other) {
        if (!isMissing(other, asked)) throw other;
      }
    }
    throw error;
  }
}

function isMissing(error, specifier) {
  return error?.code === "ERR_MODULE_NOT_FOUND" && !/^(?:[./#]|[a-z][a-z0-9+.-]*:)/i.test(specifier);
}

// A module beside each folder, as which one asks for what is in the folder.
function parents() {
  return places.folders.map((folder) => pathToFileURL(path.join(folder, "..", "any.mjs")).href);
}

// Return where a path below /opt is here; anything else stays as it is.
function ofLayers(specifier) {
  const isUrl = specifier.startsWith(`file://${OPT}`);
  const file = isUrl ? fileURLToPath(specifier) : specifier;
  if (!file.startsWith(OPT) || fs.existsSync(file)) return specifier;
  for (const layer of places.layers) {
    const here = path.join(layer, file.slice(OPT.length));
    try {
      const found = isUrl ? fs.statSync(here) && here : createRequire(import.meta.url).resolve(here);
      return isUrl ? pathToFileURL(found).href : found;
    } catch {
      continue; // not in this layer
    }
  }
  return specifier;
}
