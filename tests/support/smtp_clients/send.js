// Sends one message with nodemailer:
// `node send.js '{"port": …, "secure": …, "ca": …, "user": …, "password": …, "to": […], "raw": …}'`.
const fs = require("fs");
const nodemailer = require("nodemailer");

const asked = JSON.parse(process.argv[2]);
const transport = nodemailer.createTransport({
  host: "localhost",
  port: asked.port,
  secure: asked.secure, // TLS from the first byte
  requireTLS: true,
  tls: { ca: fs.readFileSync(asked.ca) },
  auth: { user: asked.user, pass: asked.password },
});
const message = { envelope: { from: asked.user, to: asked.to }, raw: Buffer.from(asked.raw, "base64") };
transport.sendMail(message).then(
  (said) => console.log(JSON.stringify({ response: said.response })),
  (error) => console.log(JSON.stringify({ code: error.code, response: error.response })),
);
