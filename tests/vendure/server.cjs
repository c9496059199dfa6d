'use strict';
// A real Vendure shop for the tests and the demo.
//
//   node server.cjs MODULES     MODULES: the folder that `install` printed
//                               (or VENDURE_MODULES)
//
// Environment:
//   DATABASE_URL            Postgres, required; the tables are created at the start
//   PORT                    0 (the default) picks a free one; the ready line has it
//   NO_CUSTOM_FIELDS=1      without the order fields trackingCode, carrier, shipDate
//   SESSION_DURATION        of an idle session: milliseconds or '2h', '1y' …
//   ADMIN_LIST_QUERY_LIMIT  the largest `take` (Vendure's own default: 1000)
//   EXIT_WITH_STDIN=1       ends when stdin is closed, so that a killed parent leaves nothing
//   LOG_LEVEL               error, warn (default), info or verbose; always on stderr
//
// Once it answers, one line of JSON appears on stdout: {"ready":true,"adminApi":"http://…"}.

const { createRequire } = require('node:module');
const path = require('node:path');

process.env.VENDURE_DISABLE_TELEMETRY = 'true';

function fail(message) {
    process.stderr.write(`server.cjs: ${message}\n`);
    process.exit(2);
}

const modules = process.argv[2] || process.env.VENDURE_MODULES;
if (!modules) fail('the folder with the packages is missing: run ./install and pass what it prints');
if (!process.env.DATABASE_URL) fail('DATABASE_URL is missing');
const port = Number(process.env.PORT || 0);
if (!Number.isInteger(port) || port < 0 || port > 65535) fail(`PORT=${process.env.PORT} is not a port`);

// Node 18 (Debian 12's own) has no global `crypto`, which NestJS uses.
if (!globalThis.crypto) globalThis.crypto = require('node:crypto').webcrypto;

// The packages live outside the work tree, so they are not found the usual way.
const requireFrom = createRequire(path.resolve(modules, 'package.json'));

let app;
let stopping = false;
async function stop(status) {
    if (stopping) return;
    stopping = true;
    // Vendure waits for its open connections; a test does not wait for Vendure.
    setTimeout(() => process.exit(status), 5000).unref();
    try {
        if (app) {
            // fetch() and other clients keep their connections open for reuse.
            app.getHttpServer().closeAllConnections();
            await app.close();
        }
    } catch (error) {
        process.stderr.write(`server.cjs: while stopping: ${error && error.message}\n`);
    }
    process.exit(status);
}
process.on('SIGTERM', () => stop(0));
process.on('SIGINT', () => stop(0));
if (process.env.EXIT_WITH_STDIN === '1') {
    process.stdin.on('end', () => stop(0));
    process.stdin.on('close', () => stop(0));
    process.stdin.on('error', () => stop(0));
    process.stdin.resume();
}

let vendure;
try {
    vendure = requireFrom('@vendure/core');
} catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    fail(`no Vendure in ${modules}: pass the folder that ./install prints`);
}
const {
    bootstrap, ChannelService, DefaultJobQueuePlugin, NoopSessionCacheStrategy, LanguageCode, VENDURE_VERSION, dummyPaymentHandler,
} = vendure;

// stdout carries the ready line and nothing else.
const LEVELS = ['error', 'warn', 'info', 'verbose', 'debug'];
const shown = LEVELS.indexOf(process.env.LOG_LEVEL || 'warn');
const logger = {};
LEVELS.forEach((level, rank) => {
    logger[level] = (message, context) => {
        if (rank <= shown) process.stderr.write(`vendure ${level}: ${context ? `[${context}] ` : ''}${message}\n`);
    };
});

const label = (value) => [{ languageCode: LanguageCode.en, value }];
const orderFields = process.env.NO_CUSTOM_FIELDS === '1' ? [] : [
    { name: 'trackingCode', type: 'string', nullable: true, label: label('Tracking code') },
    { name: 'carrier', type: 'string', nullable: true, label: label('Carrier') },
    { name: 'shipDate', type: 'datetime', nullable: true, label: label('Ship date') },
];

const [major, minor] = VENDURE_VERSION.split('.').map(Number);
const hasApiKeys = major > 3 || (major === 3 && minor >= 6);

const authOptions = {
    tokenMethod: hasApiKeys ? ['bearer', 'cookie', 'api-key'] : ['bearer', 'cookie'],
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
    // A session that a test deletes from the table `session` is gone at once.
    sessionCacheStrategy: new NoopSessionCacheStrategy(),
    cookieOptions: { secret: 'only-for-tests' },
};
if (process.env.SESSION_DURATION) {
    const given = process.env.SESSION_DURATION;
    authOptions.sessionDuration = /^\d+$/.test(given) ? Number(given) : given;
}

const apiOptions = {
    hostname: '127.0.0.1',
    port,
    adminApiPath: 'admin-api',
    shopApiPath: 'shop-api',
    // The password below is public, so no web page may use it from a browser.
    cors: false,
    csrfPrevention: true,
};
if (process.env.ADMIN_LIST_QUERY_LIMIT) apiOptions.adminListQueryLimit = Number(process.env.ADMIN_LIST_QUERY_LIMIT);

const config = {
    apiOptions,
    authOptions,
    logger,
    dbConnectionOptions: {
        type: 'postgres',
        url: process.env.DATABASE_URL,
        synchronize: true,
        logging: false,
    },
    customFields: { Order: orderFields },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    // The job queue is not processed: its jobs (search index, collections) do not
    // affect the tests, and polling would cost CPU time.
    plugins: [DefaultJobQueuePlugin],
};

// Vendure refreshes its cached channels inside createChannel's transaction, so of
// two channels created concurrently (as in tests) one stays unknown for up to 30 s.
// Therefore, an unknown token is looked up again.
const findChannel = ChannelService.prototype.getChannelFromToken;
ChannelService.prototype.getChannelFromToken = async function again(...args) {
    try {
        return await findChannel.apply(this, args);
    } catch {
        await this.allChannels.refresh();
        return findChannel.apply(this, args);
    }
};

bootstrap(config).then(
    (started) => {
        app = started;
        if (stopping) process.exit(0);
        // Vendure's own handlers would end the process by the signal, not with status 0.
        for (const signal of ['SIGTERM', 'SIGINT']) {
            process.removeAllListeners(signal);
            process.on(signal, () => stop(0));
        }
        const { port: bound } = app.getHttpServer().address();
        process.stdout.write(`${JSON.stringify({ ready: true, adminApi: `http://127.0.0.1:${bound}/admin-api` })}\n`);
    },
    (error) => {
        process.stderr.write(`server.cjs: Vendure did not start: ${(error && error.stack) || error}\n`);
        process.exit(1);
    },
);
