'use strict';
// The demo's show, started by scripts/demo: pays orders in Vendure, ships some in the sandbox, tells
// each order's way as it happens, and checks the end. Then goes on telling, or with --once ends:
// status 0 if every order arrived exactly once.
//
// What it tells is read from the three places themselves: Vendure's Admin API, the ledger (by
// `veracore-sync orders list --json`) and the sandbox's control API.

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');

const { Admin, main } = require('../tests/vendure/admin.cjs');
const { linesOf, pay, shop } = require('../tests/vendure/orders.cjs');

const { ADMIN_API, SANDBOX, DAEMON, PROGRAM, CONFIG, DAEMON_LOG, STARTED } = process.env;
const once = process.argv.includes('--once');
const PATIENCE = 60_000;
const ORDERS = 5;

const paint = (code, text) => (process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text);
const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

function tell(code, words, at = new Date()) {
    const time = new Date(at).toTimeString().slice(0, 8);
    process.stdout.write(`${paint(2, time)}  ${paint(36, code)}  ${words}\n`);
}

// --- The three places ---

async function paidOrders(admin) {
    const { orders } = await admin.query(`{
        orders(options: { filter: { active: { eq: false } }, sort: { id: ASC }, take: 1000 }) {
            items { id code state orderPlacedAt lines { quantity proratedUnitPriceWithTax productVariant { sku } } }
        }
    }`);
    return orders.items;
}

async function veracoreSync(...args) {
    // Its own settings only: a variable of ours would win over the file.
    const { stdout } = await promisify(execFile)(PROGRAM, ['--config', CONFIG, '--json', ...args], {
        env: { PATH: process.env.PATH }, maxBuffer: 64 << 20,
    });
    return JSON.parse(stdout);
}

const ledger = async () => (await veracoreSync('orders', 'list', '--limit', '1000')).orders.reverse();

async function sandbox(where, method = 'GET', body = undefined) {
    const response = await fetch(`${SANDBOX}/sandbox/${where}`, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`the sandbox refuses ${method} ${where}: ${answer.message}`);
    return answer;
}

// --- Telling ---

const units = (list) => list.map(({ sku, quantity }) => `${quantity} x ${sku}`).join(', ');
const linesIn = (order) => order.lines.map((line) => ({ sku: line.productVariant.sku, quantity: line.quantity }));
const itemsIn = (list) => list.map((item) => ({ sku: item.SKU, quantity: item.Quantity }));

// Looks at the three places, tells what is new, and remembers it.
class Follower {
    constructor(admin) {
        this.admin = admin;
        this.told = new Set();
        this.logRead = 0;
    }

    async look() {
        // From the end of the way to its beginning, so that a later step is never told first.
        const arrived = await sandbox('orders');
        const records = await ledger();
        const paid = await paidOrders(this.admin);
        for (const order of paid) {
            this.first(order.code, 'paid', `${paint(1, 'paid')} in Vendure: ${units(linesIn(order))}`, order.orderPlacedAt || undefined);
        }
        for (const record of records) this.tellRecord(record);
        for (const order of arrived) this.tellWarehouse(order);
        this.tellTrouble();
        return { arrived, records, paid };
    }

    tellRecord(record) {
        const { vendureOrderCode: code, syncStatus: status, veracoreOrderId: id } = record;
        this.first(code, 'found', `${paint(1, 'found')} by the daemon, and taken into the ledger`, record.createdAt);
        if (status === 'success') {
            this.first(code, 'accepted', `${paint('1;32', 'accepted')} by VeraCore as ${id}`, record.lastSuccessfulSync || undefined);
        } else if (!['pending', 'syncing'].includes(status)) {
            const why = [status, record.errorMessage || record.skipReason].filter(Boolean).join(': ');
            this.first(code, why, paint(33, why), record.updatedAt);
        }
    }

    tellWarehouse(order) {
        if (order.status === 'InWarehouse') this.first(order.number, 'pick', `${paint(1, 'picked')} in the sandbox`);
        if (order.status === 'Cancelled') this.first(order.number, 'cancel', `${paint(1, 'cancelled')} in the sandbox`);
        order.packages.forEach((sent, at) => {
            const part = order.status === 'Shipped' && order.packages.length === 1 ? '' : ` (package ${at + 1})`;
            const { shipment_id: id, tracking_number: number, carrier } = sent;
            this.first(
                order.number, `sent ${id}`,
                `${paint(1, 'shipped')} in the sandbox${part} with tracking ${number} (${carrier}): ${units(itemsIn(sent.items))}`,
            );
            if (sent.voided) this.first(order.number, `void ${id}`, `package ${number} was ${paint(1, 'voided')} in the sandbox`);
        });
    }

    // The daemon's warnings and errors.
    tellTrouble() {
        const log = fs.readFileSync(DAEMON_LOG, 'utf8');
        const end = log.lastIndexOf('\n') + 1;
        for (const line of log.slice(this.logRead, end).split('\n')) {
            if (/^\S+\s+(WARN|ERROR) /.test(line)) process.stdout.write(`${paint(33, line)}\n`);
        }
        this.logRead = end;
    }

    first(code, step, words, at) {
        const key = `${code} ${step}`;
        if (this.told.has(key)) return;
        this.told.add(key);
        tell(code, words, at);
    }
}

// --- What happens in the warehouse ---

const shipWhole = (order) => sandbox(`orders/${order.number}/ship`, 'POST', {});
const pick = (order) => sandbox(`orders/${order.number}/pick`, 'POST', {});
const shipInTwo = (order) => {
    const [one, ...others] = order.items.map(({ SKU, Quantity }) => ({ SKU, Quantity }));
    return sandbox(`orders/${order.number}/ship`, 'POST', { packages: [{ items: [one], carrier: 'UPS' }, { items: others, carrier: 'FedEx' }] });
};

// What happens in the warehouse to the orders of the show, one after the other.
const WAREHOUSE = [shipWhole, shipInTwo, pick];

// --- The check ---

// Everything that is wrong, in words; empty when every order arrived exactly once.
function problemsOf(expected, { paid, records, arrived }, requests) {
    const problems = [];
    const group = (list, key) => {
        const groups = new Map();
        for (const one of list) groups.set(key(one), [...(groups.get(key(one)) || []), one]);
        return groups;
    };
    const sends = requests.filter((request) => request.method === 'POST' && request.path === '/api/orders');
    const numberOf = (request) => { try { return JSON.parse(request.body).OrderNumber; } catch { return '(unreadable)'; } };
    const inVendure = group(paid, (order) => order.code);
    const inLedger = group(records, (record) => record.vendureOrderCode);
    const inSandbox = group(arrived, (order) => order.number);
    const inRequests = group(sends, numberOf);

    for (const code of expected) if (!inVendure.has(code)) problems.push(`${code} was paid, but Vendure does not list it`);
    for (const [name, known] of [['the ledger', inLedger], ['the sandbox', inSandbox], ['a request to the sandbox', inRequests]]) {
        for (const code of known.keys()) if (!inVendure.has(code)) problems.push(`${code} is in ${name}, but is no paid order of Vendure's`);
    }
    for (const [code, [order, ...twins]] of inVendure) {
        const wrong = (words) => problems.push(`${code}: ${words}`);
        const rows = inLedger.get(code) || [];
        const there = inSandbox.get(code) || [];
        const sent = inRequests.get(code) || [];
        if (twins.length) wrong('Vendure lists it more than once');
        if (rows.length !== 1) wrong(`the ledger has it ${rows.length} times`);
        if (there.length !== 1) wrong(`the sandbox has it ${there.length} times`);
        // An answer may have been lost; what counts is what the sandbox did.
        const taken = sent.filter(({ status }) => status >= 200 && status <= 299);
        if (taken.length !== 1) wrong(`VeraCore took it ${taken.length} times, of ${sent.length} sends`);
        if (sent.some(({ status }) => status === 409)) wrong('it was sent although VeraCore had it');
        if (rows.length !== 1 || there.length !== 1) continue;
        const [row] = rows;
        const [received] = there;
        if (row.syncStatus !== 'success') wrong(`the ledger says ${row.syncStatus}: ${row.errorMessage || 'no message'}`);
        if (row.vendureOrderId !== String(order.id)) wrong(`the ledger has Vendure's id ${row.vendureOrderId}, not ${order.id}`);
        if (row.veracoreOrderId !== received.order_id) wrong(`the ledger says ${row.veracoreOrderId}, the sandbox ${received.order_id}`);
        if (received.foreign) wrong('somebody else put it into the sandbox');
        // Prices as Vendure has them, in hundredths.
        const meant = order.lines.map((line) => `${line.quantity} x ${line.productVariant.sku} at ${line.proratedUnitPriceWithTax}`);
        const got = received.items.map((item) => `${item.Quantity} x ${item.SKU} at ${Math.round(Number(item.UnitPrice) * 100)}`);
        if (meant.sort().join() !== got.sort().join()) wrong(`paid was ${meant.join(', ')}; arrived has ${got.join(', ')}`);
    }
    return problems;
}

// --- The show ---

async function stockTheShelves(on) {
    const skus = [...on.variants.keys()].filter((sku) => sku.startsWith('SKU-')).sort();
    for (const sku of skus) await sandbox(`stock/${sku}`, 'PUT', { on_hand: 100 });
    return skus;
}

async function placeOrders(on, skus, follower) {
    const codes = [];
    for (let at = 0; at < ORDERS; at += 1) {
        const lines = linesOf(at, { lines: 1 + (at % 3), skus });
        const { code } = await pay(on, { lines, shipping: at === 2 ? 'express-shipping' : 'standard-shipping' });
        codes.push(code);
        await follower.look();
    }
    return codes;
}

// Follows until each order is at the warehouse and what is to happen there has happened.
async function followToTheEnd(codes, follower) {
    const todo = new Map(WAREHOUSE.map((act, at) => [codes[at], act]));
    const deadline = Date.now() + PATIENCE;
    for (;;) {
        const { arrived, records } = await follower.look();
        const accepted = new Set(records.filter((one) => one.syncStatus === 'success').map((one) => one.vendureOrderCode));
        for (const order of arrived) {
            const act = accepted.has(order.number) && todo.get(order.number);
            if (act) {
                todo.delete(order.number);
                await act(order);
            }
        }
        if (codes.every((code) => accepted.has(code)) && !todo.size) return;
        if (Date.now() > deadline) {
            const late = codes.filter((code) => !accepted.has(code));
            throw new Error(`after ${PATIENCE / 1000} s these are not accepted by VeraCore: ${late.join(', ')}`);
        }
        await pause(200);
    }
}

async function check(codes, follower) {
    // A whole further pass over the shop: whatever would be sent a second time is sent now.
    await veracoreSync('sync', 'orders');
    const seen = await follower.look();
    const problems = problemsOf(codes, seen, await sandbox('requests'));
    for (const problem of problems) process.stdout.write(`${paint('1;31', 'WRONG')}  ${problem}\n`);
    if (!problems.length) {
        process.stdout.write(`\n${codes.length} orders were paid; a further full pass sent nothing; Vendure, the ledger, the sandbox's orders and its\n`
            + 'request log agree: each arrived exactly once, with the right goods and prices.\n');
    }
    return problems;
}

function tellAddresses() {
    const program = path.relative('', PROGRAM) || PROGRAM;
    process.stdout.write(`
Everything is running (ready after ${Math.round(Date.now() / 1000 - Number(STARTED))} s). Ctrl-C stops and removes all of it.

  Vendure's Admin API   ${ADMIN_API}  (superadmin / superadmin)
  sandbox control       ${SANDBOX}/sandbox  (docs/sandbox.md)
  the daemon            ${DAEMON}/readyz

  pay another order     ADMIN_API=${ADMIN_API} node tests/vendure/orders.cjs pay
  ship an order         curl -X POST ${SANDBOX}/sandbox/orders/CODE/ship
  see the ledger        ${program} --config ${CONFIG} orders list
  one order's history   ${program} --config ${CONFIG} orders show CODE
  test both ends        ${program} --config ${CONFIG} check

Not there yet: tracking numbers and stock do not go back to Vendure. What happens from now on appears here:

`);
}

main(async () => {
    const admin = new Admin({ url: ADMIN_API });
    const on = await shop(admin);
    const skus = await stockTheShelves(on);
    const follower = new Follower(admin);
    const codes = await placeOrders(on, skus, follower);
    await followToTheEnd(codes, follower);
    const problems = await check(codes, follower);
    if (once) {
        if (problems.length) throw new Error('not every order arrived exactly once; see above');
        return;
    }
    tellAddresses();
    for (;;) {
        await pause(1000);
        // Whoever plays with it may stop what is looked at for a moment.
        await follower.look().catch((error) => process.stderr.write(`${error.message}\n`));
    }
});
