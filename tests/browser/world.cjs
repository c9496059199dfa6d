'use strict';
// The environment of the browser tests: a channel in a real Vendure, the VeraCore sandbox, and the
// daemon between them. Nothing is mocked; SQL only creates data that would take hours otherwise.
//
// Environment: ADMIN_API (a seeded shop), PG_URL (without a database name), PSQL, PROGRAMS (the folder
// with both programs).

const { execFile, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');

const { Admin } = require('../vendure/admin.cjs');
const { pay } = require('../vendure/orders.cjs');

const { ADMIN_API, PG_URL, PSQL = 'psql', PROGRAMS } = process.env;
const OUT = path.resolve(__dirname, '../../target/browser');
const PASSWORD = 'a password of the tests';
const SECRET = 'sandbox-secret';
const TOKEN = 'only-for-the-browser-tests-0123456789';

// The shop's products, with prices in cents.
const GOODS = [
    ['MUG-RED', 1450], ['MUG-BLUE', 1450], ['TOTE-NAVY', 1900], ['CAP-OLIVE', 2400], ['TEE-BLACK-M', 2800], ['TEE-BLACK-L', 2800],
    ['NOTEBOOK-A5', 1200], ['POSTER-A2', 1800],
];

const PEOPLE = {
    // Uses the dashboard.
    ops: ['ReadOrder', 'UpdateOrder', 'ReadCatalog', 'UpdateCatalog', 'UpdateSettings'],
    // May only read.
    reader: ['ReadOrder'],
    // Has no access.
    stranger: ['ReadCatalog'],
    // The daemon's user.
    robot: ['ReadOrder', 'UpdateOrder', 'ReadCatalog', 'UpdateCatalog'],
};

const ADDRESS = {
    fullName: 'Ann Lee', company: '', streetLine1: '12 Desert Way', streetLine2: 'Apt 3', city: 'Reno', province: 'NV', postalCode: '89501',
    countryCode: 'US', phoneNumber: '+1 775 555 0100',
};

// Waits until `check` returns something truthy, and returns it.
async function until(what, check, milliseconds = 20_000) {
    const deadline = Date.now() + milliseconds;
    for (;;) {
        const result = await check();
        if (result) return result;
        if (Date.now() > deadline) throw new Error(`waited ${milliseconds / 1000} s in vain until ${what}`);
        await new Promise((done) => { setTimeout(done, 100); });
    }
}

// Starts one of our programs with its output in a file, and waits until the output matches `ready`.
async function start(name, args, env, ready) {
    const log = path.join(OUT, `${name}.log`);
    const out = fs.openSync(log, 'w');
    const child = spawn(path.join(PROGRAMS, name), args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', out, out] });
    fs.closeSync(out);
    const ended = new Promise((done) => { child.on('exit', (status, signal) => done(status ?? signal)); });
    child.on('error', (error) => { process.stderr.write(`${name}: ${error.message}\n`); });
    const found = await until(`${name} is ready (see ${log})`, () => {
        const output = fs.readFileSync(log, 'utf8');
        if (child.exitCode !== null) throw new Error(`${name} exited:\n${output}`);
        return ready.exec(output);
    });
    const stop = async () => {
        child.kill('SIGTERM');
        return ended;
    };
    return { address: found[1].replace(/\/$/, ''), stop };
}

// Runs a statement in the server's default database.
const server = (statement) => promisify(execFile)(PSQL, ['-X', '-q', `${PG_URL}/postgres`, '-c', statement]);

// Schedules with which no job is due during the tests, so that only requested runs happen.
function quietHours() {
    const hour = Number(new Intl.DateTimeFormat('en-US', { hour: 'numeric', hourCycle: 'h23', timeZone: 'America/Los_Angeles' }).format());
    const pad = (number) => String(number).padStart(2, '0');
    return {
        SYNC_INVENTORY_TIME: [1, 2].includes(hour) ? '14:00' : '02:00',
        BUSINESS_HOURS: hour < 18 ? `${pad(hour + 2)}:00-20:00` : '06:00-10:00',
    };
}

class World {
    // Creates the channel with its products and users, then starts both programs.
    static async make() {
        fs.mkdirSync(OUT, { recursive: true });
        const world = new World();
        world.name = `dash${Date.now().toString(36)}`;
        await world.createChannel();
        await server(`create database ${world.name}`);
        world.database = `${PG_URL}/${world.name}`;
        world.warehouse = await start('veracore-sandbox', ['--listen', '127.0.0.1:0'], {}, /^VeraCore sandbox ready: (\S+)/m);
        await Promise.all(GOODS.map(([sku]) => world.shelve(sku, 100)));
        world.daemon = await start('veracore-sync', ['run'], world.settings(), /listen=([0-9.:]+)/);
        world.url = `http://${world.daemon.address}`;
        await until('the daemon is ready', async () => (await fetch(`${world.url}/readyz`)).ok);
        return world;
    }

    settings() {
        return {
            VERACORE_API_URL: this.warehouse.address,
            VERACORE_COMPANY_ID: 'sandbox-company',
            VERACORE_CLIENT_ID: 'sandbox-client',
            VERACORE_CLIENT_SECRET: SECRET,
            VENDURE_API_URL: ADMIN_API,
            VENDURE_USERNAME: this.people.robot,
            VENDURE_PASSWORD: PASSWORD,
            VENDURE_CHANNEL_TOKEN: this.name,
            DATABASE_URL: this.database,
            HTTP_LISTEN: '127.0.0.1:0',
            ORDER_SYNC_EXISTING: 'send',
            API_TOKEN: TOKEN,
            ...quietHours(),
        };
    }

    // Creates everything in the shop, with few requests.
    async createChannel() {
        const shop = new Admin({ url: ADMIN_API });
        const seeded = await shop.query(`{
            zones(options: { filter: { name: { eq: "USA" } } }) { items { id } }
            taxCategories(options: { filter: { name: { eq: "Standard" } } }) { items { id } }
            shippingMethods(options: { filter: { code: { eq: "standard-shipping" } } }) { items { id code } }
        }`);
        const zone = seeded.zones.items[0].id;
        const [method] = seeded.shippingMethods.items;
        const { createChannel: channel } = await shop.mutate(
            `mutation ($input: CreateChannelInput!) { createChannel(input: $input) {
                ... on Channel { id } ... on ErrorResult { errorCode message } } }`,
            {
                input: {
                    code: this.name, token: this.name, defaultLanguageCode: 'en', pricesIncludeTax: false, defaultCurrencyCode: 'USD',
                    defaultTaxZoneId: zone, defaultShippingZoneId: zone,
                },
            },
        );
        await shop.query(
            `mutation ($channel: ID!, $methods: [ID!]!) {
                assignShippingMethodsToChannel(input: { channelId: $channel, shippingMethodIds: $methods }) { id } }`,
            { channel: channel.id, methods: [method.id] },
        );
        this.admin = new Admin({ url: ADMIN_API, channelToken: this.name });
        const made = await this.admin.mutate(
            `mutation ($customer: CreateCustomerInput!) {
                createStockLocation(input: { name: "Reno" }) { id }
                createCustomer(input: $customer) { ... on Customer { id } ... on ErrorResult { errorCode message } }
            }`,
            { customer: { firstName: 'Ann', lastName: 'Lee', emailAddress: `ann@${this.name}.example.com` } },
        );
        this.location = made.createStockLocation.id;
        this.category = seeded.taxCategories.items[0].id;
        this.on = {
            admin: this.admin,
            customerId: made.createCustomer.id,
            shippingMethods: new Map([[method.code, method.id]]),
            variants: new Map(),
        };
        await this.sell(GOODS);
        this.people = {};
        for (const [person, permissions] of Object.entries(PEOPLE)) await this.employ(person, permissions, channel.id);
    }

    async sell(goods) {
        const products = goods.map(([sku], at) => `p${at}: createProduct(input: { enabled: true, translations: [
            { languageCode: en, name: ${JSON.stringify(sku)}, slug: "${this.name}-${this.on.variants.size + at}", description: "" }] }) { id }`);
        const made = await this.admin.query(`mutation { ${products.join('\n')} }`);
        const { createProductVariants: variants } = await this.admin.query(
            'mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id sku } }',
            {
                input: goods.map(([sku, price], at) => ({
                    productId: made[`p${at}`].id, sku, price, taxCategoryId: this.category, trackInventory: 'TRUE',
                    stockLevels: [{ stockLocationId: this.location, stockOnHand: 60 }],
                    translations: [{ languageCode: 'en', name: sku }],
                })),
            },
        );
        for (const { id, sku } of variants) this.on.variants.set(sku, id);
    }

    async employ(person, permissions, channel) {
        const { createRole: role } = await this.admin.query(
            'mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }',
            { input: { code: `${person}-${this.name}`, description: person, permissions, channelIds: [channel] } },
        );
        // Without a number in the documentation's screenshots.
        this.people[person] = `${person}@${process.env.UPDATE_SCREENSHOTS === '1' ? 'example.com' : `${this.name}.example.com`}`;
        await this.admin.query(
            'mutation ($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }',
            { input: { firstName: 'A', lastName: person, emailAddress: this.people[person], password: PASSWORD, roleIds: [role.id] } },
        );
    }

    // --- Orders ---

    // Places and pays an order. `to` overrides fields of the address.
    async pay(lines, to = {}) {
        const { code } = await pay(this.on, {
            lines: Object.entries(lines).map(([sku, quantity]) => ({ sku, quantity })), address: { ...ADDRESS, ...to },
        });
        // Nudge the daemon, as a shop with a webhook does, so that it finds the order at once.
        const nudge = await fetch(`${this.url}/vendure-webhooks/order`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
        if (nudge.status !== 202) throw new Error(`the nudge was answered with ${nudge.status}`);
        return code;
    }

    // An order's status in the ledger.
    async status(code) {
        const [status] = await this.sql(`select sync_status from veracore_order_sync where vendure_order_code = '${code}'`);
        return status;
    }

    async hasStatus(code, status) {
        await until(`order ${code} is '${status}'`, async () => (await this.status(code)) === status);
        return code;
    }

    // Pays an order that VeraCore refuses until `heal` is called.
    async payRefused(message, lines = { 'MUG-RED': 1 }) {
        const company = `Refused ${Math.random().toString(36).slice(2)}`;
        await this.fault({ path: '/api/orders', method: 'POST', about: company, kind: 'status', status: 422, body: { message } });
        return this.hasStatus(await this.pay(lines, { company }), 'error');
    }

    // The order at VeraCore.
    async atWarehouse(code) {
        const orders = await this.sandbox('orders');
        return orders.filter(({ number }) => number === code);
    }

    // Inserts a day of orders, fewer at night, with an outage of VeraCore of two hours. All are done.
    async insertDayOfOrders() {
        await this.sql(`
            with paid as (select n, now() - interval '10 minutes' - interval '23 hours' * ((n + 0.12 * sin(n * 2.2) * n ^ 0.7) / 85.0) as at
                from generate_series(1, 85) as n where n < 38 or n > 52 or n % 4 = 0),
            taken as (select n, at as paid, case when at between now() - interval '9 hours' and now() - interval '7 hours'
                then now() - interval '7 hours' + n * interval '3 seconds' else at + interval '2 seconds' * (1 + n % 3) end as at from paid)
            insert into veracore_order_sync (vendure_order_id, vendure_order_code, veracore_order_id, sync_status, last_sync_attempt,
                last_successful_sync, closed_at, aftercare_ended_at, created_at, updated_at)
            select 'past-' || n, upper(substr(translate(md5('order ' || n), '0123456789', 'ghjkmnpqrs'), 1, 16)), 'VC-' || (99900 - n),
                'success', at, at, at, at, paid, at from taken order by paid`);
    }

    // --- Vendure and VeraCore ---

    async sandbox(where, method = 'GET', body = undefined) {
        const response = await fetch(`${this.warehouse.address}/sandbox/${where}`, { method, body: body && JSON.stringify(body) });
        const answer = await response.json();
        if (!response.ok) throw new Error(`the sandbox refused ${method} ${where}: ${answer.message}`);
        return answer;
    }

    fault(fault) {
        return this.sandbox('faults', 'POST', fault);
    }

    heal() {
        return this.sandbox('faults', 'DELETE');
    }

    shelve(sku, units) {
        return this.sandbox(`stock/${encodeURIComponent(sku)}`, 'PUT', { on_hand: units });
    }

    // The shop's stock on hand of a SKU.
    async onHand(sku) {
        const { productVariant } = await this.admin.query(
            'query ($id: ID!) { productVariant(id: $id) { stockLevels { stockLocationId stockOnHand } } }',
            { id: this.on.variants.get(sku) },
        );
        return productVariant.stockLevels.find(({ stockLocationId }) => stockLocationId === this.location).stockOnHand;
    }

    // Runs a statement in the daemon's database; returns the rows, with columns separated by '|'.
    async sql(statement) {
        const { stdout } = await promisify(execFile)(PSQL, ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', this.database, '-c', statement]);
        return stdout.split('\n').filter(Boolean);
    }

    async close() {
        const status = this.daemon ? await this.daemon.stop() : 0;
        if (this.warehouse) await this.warehouse.stop();
        if (this.database) await server(`drop database ${this.name} with (force)`);
        return status;
    }
}

module.exports = { GOODS, OUT, SECRETS: [PASSWORD, SECRET, TOKEN], PASSWORD, World, until };
