// One Node.js function's process: what AWS's Node.js runtime does, over two pipes instead of the Runtime API.
// worker.py says how a frame looks. Nothing but Node's own modules, then the function.
//
// Requests are read on a thread of its own, so that a function that never yields does not outlive its supervisor: end of
// file there kills the whole process group.
"use strict";

const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const util = require("node:util");
const { pathToFileURL } = require("node:url");
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const LENGTHS = 8; // two big-endian 32-bit lengths

// Not a blocking read: a thread inside one would hold up process.exit().
function readRequests(fd) {
  let chunks = [];
  let had = 0;
  let needed = LENGTHS; // bytes before there is anything to do: an event of 6 MB comes in a hundred chunks
  const supervisor = new net.Socket({ fd, readable: true, writable: false });
  supervisor.on("data", (chunk) => {
    chunks.push(chunk);
    had += chunk.length;
    while (had >= needed) {
      const data = Buffer.concat(chunks);
      const split = LENGTHS + data.readUInt32BE(0);
      const end = split + data.readUInt32BE(4);
      if (had < end) {
        [chunks, needed] = [[data], end];
        continue;
      }
      const header = JSON.parse(data.toString("utf8", LENGTHS, split));
      parentPort.postMessage({ header, payload: data.subarray(split, end) });
      [chunks, had, needed] = [[data.subarray(end)], had - end, LENGTHS];
    }
  });
  supervisor.on("close", () => process.kill(-process.pid, "SIGKILL")); // we lead our own group
}

class Invocation {
  constructor(header, answers, onOver) {
    this.id = header.request_id;
    this.onOver = onOver;
    this.header = header;
    this.answers = answers;
    this.began = performance.now();
    this.isOver = false;
    this.waiting = null; // a callback's answer, until nothing else is left to do
  }

  context() {
    const { header } = this;
    const environment = process.env;
    const finish = (error, result) => this.called(error, result);
    return {
      callbackWaitsForEmptyEventLoop: true,
      functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: header.arn,
      memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, // a string on AWS, too
      awsRequestId: this.id,
      logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: header.client_context ?? undefined,
      identity: undefined,
      getRemainingTimeInMillis: () => Math.max(header.deadline_ms - Date.now(), 0),
      // The three of Node.js 0.10, which its runtimes up to nodejs22.x still have.
      done: finish,
      succeed: (result) => finish(null, result),
      fail: (error) => finish(error ?? "handled"),
    };
  }

  // What a callback says counts at once, or, as is AWS's default, when the event loop is empty.
  called(error, result) {
    if (this.isOver || this.waiting !== null) return;
    this.waiting = () => (error === undefined || error === null ? this.succeed(result) : this.fail(error));
    if (!this.given.callbackWaitsForEmptyEventLoop) setImmediate(() => this.settle());
  }

  settle() {
    if (this.isOver) return;
    if (this.waiting === null) this.succeed(null);
    else this.waiting();
  }

  succeed(result) {
    let payload;
    try {
      payload = JSON.stringify(result === undefined ? null : result) ?? "null";
    } catch {
      this.fail(new Error("Unable to stringify response body"));
      return;
    }
    this.answer(false, payload);
  }

  fail(error) {
    const shaped = shape(error);
    write("ERROR", `Invoke Error \t${JSON.stringify({ ...shaped, stack: shaped.trace })}`);
    this.answer(true, JSON.stringify(shaped));
  }

  answer(failed, payload, ends = false) {
    if (this.isOver) return;
    this.isOver = true;
    const took = (performance.now() - this.began).toFixed(2);
    const used = `Memory Size: ${process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE} MB\tMax Memory Used: ${peak()} MB`;
    print(`END RequestId: ${this.id}`);
    print(`REPORT RequestId: ${this.id}\tDuration: ${took} ms\t${used}`);
    send(this.answers, { error: failed, ...(ends && { ends }) }, payload);
    this.onOver();
  }
}

function peak() {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

function send(fd, header, payload = "") {
  const [first, second] = [Buffer.from(JSON.stringify(header)), Buffer.from(payload)];
  const lengths = Buffer.alloc(LENGTHS);
  lengths.writeUInt32BE(first.length, 0);
  lengths.writeUInt32BE(second.length, 4);
  const frame = Buffer.concat([lengths, first, second]);
  for (let at = 0; at < frame.length; ) at += fs.writeSync(fd, frame, at);
}

// Shape an error as Lambda does; what is thrown need not be an Error.
function shape(error, kind) {
  if (util.types.isNativeError(error) || (error?.name && error?.message && error?.stack)) {
    const trace = String(error.stack ?? "").split("\n");
    return { errorType: kind ?? error.name, errorMessage: error.message, trace };
  }
  return { errorType: kind ?? typeof error, errorMessage: String(error), trace: [] };
}

let now = null; // the invocation under way

function print(line) {
  process.stdout.write(`${line}\n`); // a pipe: written before this returns
}

// Source: AWS, "Log and monitor Node.js Lambda functions"; a message of many lines is one event.
function write(level, message) {
  print(`${new Date().toISOString()}\t${now?.id ?? "undefined"}\t${level}\t${message.replaceAll("\n", "\r")}`);
}

function logLikeLambda() {
  const levels = { log: "INFO", trace: "TRACE", debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => write(level, util.format(...values));
  }
}

class Refused extends Error {
  constructor(kind, message) {
    super(message);
    this.name = kind;
  }
}

function existing(base) {
  const files = ["", ".js", ".mjs", ".cjs"].map((ending) => base + ending);
  return files.find((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile());
}

async function load(file) {
  try {
    return await import(pathToFileURL(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refused("Runtime.UserCodeSyntaxError", String(error));
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code))
      throw new Refused("Runtime.ImportModuleError", String(error));
    throw error;
  }
}

// `src/app.handlers.first` is the member `handlers.first` of what src/app.js (.mjs, .cjs) exports.
async function handlerOf(name, layers) {
  const matched = /^((?:.*\/)?[^./][^/.]*)\.(.+)$/.exec(name);
  if (matched === null) throw new Refused("Runtime.MalformedHandlerName", `Bad handler '${name}'`);
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, matched[1]);
  const inLayers = base.startsWith("/opt/") ? layers.map((layer) => path.join(layer, base.slice("/opt/".length))) : [];
  const file = [base, ...inLayers].map(existing).find(Boolean);
  if (file === undefined) throw new Refused("Runtime.ImportModuleError", `Error: Cannot find module '${matched[1]}'`);
  const module = await load(file);
  const members = matched[2].split(".");
  const find = (root) => members.reduce((found, member) => found?.[member], root);
  const found = find(module) ?? find(module.default); // a CommonJS module's exports are the default of its import
  if (found === undefined) throw new Refused("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof found !== "function") throw new Refused("Runtime.HandlerNotFound", `${name} is not a function`);
  return found;
}

function run(handler, invocation, payload) {
  try {
    const event = JSON.parse(payload.toString("utf8"));
    invocation.given = invocation.context();
    const result = handler(event, invocation.given, (error, value) => invocation.called(error, value));
    if (typeof result?.then === "function") {
      result.then(
        (value) => invocation.succeed(value),
        (error) => invocation.fail(error),
      );
    }
  } catch (error) {
    invocation.fail(error);
  }
}

async function main(requests, answers, places) {
  logLikeLambda();
  let handler;
  try {
    (await import("./resolving.mjs")).install(places);
    (await import("./aws_sdk_v2.mjs")).install();
    handler = await handlerOf(process.env._HANDLER, places.layers);
  } catch (error) {
    const shaped = shape(error);
    write("ERROR", `Uncaught Exception \t${JSON.stringify(shaped)}`);
    send(answers, { init_error: true }, JSON.stringify(shaped));
    process.exit(1);
  }
  const reader = new Worker(__filename, { workerData: requests });
  reader.on("message", ({ header, payload }) => {
    now = new Invocation(header, answers, () => reader.ref());
    print(`START RequestId: ${now.id} Version: $LATEST`);
    reader.unref(); // from here on, an empty event loop means that nothing more will come of this invocation
    run(handler, now, Buffer.from(payload));
  });
  process.on("beforeExit", () => now?.settle());
  const end = (kind, status) => (error) => {
    const shaped = shape(error, kind);
    write("ERROR", `${kind ?? "Uncaught Exception"} \t${JSON.stringify(shaped)}`);
    now?.answer(true, JSON.stringify(shaped), true);
    process.exit(status);
  };
  process.on("uncaughtException", end(undefined, 129));
  process.on("unhandledRejection", end("Runtime.UnhandledPromiseRejection", 128));
  send(answers, { ready: true });
}

if (isMainThread) main(Number(process.argv[2]), Number(process.argv[3]), JSON.parse(process.argv[4]));
else readRequests(workerData);
