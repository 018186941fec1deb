'use strict';
// Reads messages, base64 in a JSON array on standard input; writes for each what mailparser and postal-mime take for the
// addresses of its From and Sender: {"mailparser": {"from": […], "sender": […]}, "postal-mime": {…}}, empty on an error.

const { simpleParser } = require('mailparser');
const PostalMime = require('postal-mime');

const addresses = list =>
    [].concat(list || []).flatMap(one => [one.address, ...addresses(one.group)]).filter(Boolean);

async function byMailparser(message) {
    const { headers } = await simpleParser(message);
    const of = name => addresses(((headers && headers.get(name)) || {}).value);
    return { from: of('from'), sender: of('sender') };
}

async function byPostalMime(message) {
    const { from, sender } = await (PostalMime.default || PostalMime).parse(message);
    return { from: addresses(from), sender: addresses(sender) };
}

const orNothing = promise => promise.catch(() => ({ from: [], sender: [] }));

async function main() {
    const chunks = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    const read = [];
    for (const encoded of JSON.parse(Buffer.concat(chunks).toString('utf8'))) {
        const message = Buffer.from(encoded, 'base64');
        read.push({
            mailparser: await orNothing(byMailparser(message)),
            'postal-mime': await orNothing(byPostalMime(message))
        });
    }
    process.stdout.write(JSON.stringify(read));
}

main();
