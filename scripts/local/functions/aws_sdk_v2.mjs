// Version 2 of the AWS SDK for JavaScript, which functions bring or have from runtimes up to nodejs16.x, reads no
// AWS_ENDPOINT_URL as version 3 does: it would ask AWS itself. It gets the endpoint when it has
// loaded itself.
import Module from "node:module";
import path from "node:path";

const LOADER = path.join("node_modules", "aws-sdk", "lib", "node_loader.js"); // which makes its configuration
const VARIABLE = /^AWS_ENDPOINT_URL_([A-Z0-9_]+)$/;

export function install() {
  const load = Module._extensions[".js"];
  Module._extensions[".js"] = (module, filename) => {
    load(module, filename);
    if (filename.endsWith(LOADER) && process.env.AWS_ENDPOINT_URL) module.require("./core").config.update(settings(), true);
  };
}

// S3 by path: a bucket has no host name of its own here. A service is a setting, called as the SDK's client in lower case.
function settings() {
  const found = { endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true };
  for (const [name, value] of Object.entries(process.env)) {
    const service = VARIABLE.exec(name)?.[1].replaceAll("_", "").toLowerCase();
    if (service) found[service] = { endpoint: value };
  }
  return found;
}
