'use strict';
// A small client for Vendure's Admin API, shared by seed.cjs and orders.cjs.

class Admin {
    constructor({ url, username = 'superadmin', password = 'superadmin', channelToken } = {}) {
        this.url = url || process.env.ADMIN_API;
        this.username = username;
        this.password = password;
        this.channelToken = channelToken || process.env.CHANNEL_TOKEN;
        if (!this.url) throw new Error('ADMIN_API is missing: the address that server.cjs printed');
    }

    // One request; GraphQL errors become exceptions.
    async query(document, variables = {}) {
        if (!this.token) await this.login();
        return this.post(document, variables);
    }

    // A mutation that answers with a union: its ErrorResult members become exceptions too.
    // An alias is needed where several of them stand in one document.
    async mutate(document, variables = {}) {
        const data = await this.query(document, variables);
        for (const [name, value] of Object.entries(data)) {
            if (value && value.errorCode) {
                const error = new Error(`${name}: ${value.errorCode}: ${value.message}`);
                error.code = value.errorCode;
                throw error;
            }
        }
        return data;
    }

    async login() {
        const { login } = await this.post(
            `mutation ($u: String!, $p: String!) {
                login(username: $u, password: $p) {
                    __typename
                    ... on CurrentUser { id }
                    ... on ErrorResult { errorCode message }
                }
            }`,
            { u: this.username, p: this.password },
        );
        if (login.__typename !== 'CurrentUser') throw new Error(`login: ${login.errorCode}: ${login.message}`);
        this.token = this.offered;
    }

    async post(query, variables) {
        const headers = { 'content-type': 'application/json' };
        if (this.token) headers.authorization = `Bearer ${this.token}`;
        if (this.channelToken) headers['vendure-token'] = this.channelToken;
        const response = await fetch(this.url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
        // Remembered, but used only after a login: Vendure also hands out
        // anonymous sessions, in answers that refuse.
        this.offered = response.headers.get('vendure-auth-token') || this.offered;
        const text = await response.text();
        let body;
        try {
            body = JSON.parse(text);
        } catch {
            throw new Error(`HTTP ${response.status}: ${text.slice(0, 300)}`);
        }
        if (body.errors && body.errors.length) {
            const error = new Error(body.errors.map((one) => one.message).join('; '));
            error.code = body.errors[0].extensions && body.errors[0].extensions.code;
            throw error;
        }
        return body.data;
    }
}

// `--name value` options after the positional words; an unknown one is an error.
function options(args, known) {
    const found = {};
    const words = [];
    for (let at = 0; at < args.length; at += 1) {
        if (!args[at].startsWith('--')) {
            words.push(args[at]);
            continue;
        }
        const [name, inline] = args[at].slice(2).split(/=(.*)/s);
        if (!known.includes(name)) throw new Error(`unknown option --${name} (there are: ${known.map((k) => `--${k}`).join(' ')})`);
        const value = inline === undefined ? args[(at += 1)] : inline;
        if (value === undefined) throw new Error(`--${name} needs a value`);
        found[name] = value;
    }
    return { found, words };
}

function wholeNumber(value, name, least) {
    const number = Number(value);
    if (!Number.isInteger(number) || number < least) throw new Error(`--${name} must be a whole number from ${least}`);
    return number;
}

// At most `width` calls at a time, results in the order of the items.
async function each(items, width, work) {
    const results = new Array(items.length);
    let next = 0;
    const worker = async () => {
        while (next < items.length) {
            const at = next;
            next += 1;
            results[at] = await work(items[at], at);
        }
    };
    await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
    return results;
}

function main(work) {
    work().catch((error) => {
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 1;
    });
}

module.exports = { Admin, each, main, options, wholeNumber };
