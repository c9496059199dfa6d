'use strict';
// Runs the demo for scripts/demo: stocks the warehouse in the sandbox, pays orders in Vendure, ships
// some, syncs stock and tracking, prints what happens, and checks the result. Then it keeps printing,
// or with --once exits: status 0 if every order and every parcel arrived exactly once and every stock
// level is right.
//
// It reads Vendure's Admin API, the ledger (through `veracore-sync orders list --json`) and the
// sandbox's control API. The daemon syncs stock and tracking on a Los Angeles schedule, which can be
// hours away, so the demo runs these syncs itself.

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');

const { Admin, main } = require('../tests/vendure/admin.cjs');
const { linesOf, pay, shop } = require('../tests/vendure/orders.cjs');

const { ADMIN_API, SANDBOX, STYLE, DAEMON, PROGRAM, CONFIG, DAEMON_LOG, STARTED } = process.env;
const once = process.argv.includes('--once');
// How the chosen style sends an order, in terms of the sandbox's faults and requests.
const SEND = STYLE === 'oms'
    ? { path: '/pmomsws/oms.asmx', operation: 'AddOrder' }
    : { path: '/api/orders', operation: null };
const PATIENCE = 60_000;
const ORDERS = 5;
// How long VeraCore takes to accept the order that demonstrates the stock rule: less than
// VERACORE_TIMEOUT_SECONDS, and much longer than an inventory sync.
const SLOW = 8_000;

const paint = (code, text) => (process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text);
const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

// `what`: an order's code, or who acts.
function print(what, text, at = new Date()) {
    const time = new Date(at).toTimeString().slice(0, 8);
    process.stdout.write(`${paint(2, time)}  ${paint(36, what.padEnd(16))}  ${text}\n`);
}

const chapter = (title) => process.stdout.write(`\n${paint(1, title)}\n`);

// --- Vendure, the ledger and the sandbox ---

async function paidOrders(admin) {
    const { orders } = await admin.query(`{
        orders(options: { filter: { active: { eq: false } }, sort: { id: ASC }, take: 1000 }) {
            items {
                id code state orderPlacedAt
                customFields { trackingCode carrier shipDate }
                lines { id quantity proratedUnitPriceWithTax productVariant { sku } }
                fulfillments { id state method trackingCode lines { orderLineId quantity } }
            }
        }
    }`);
    return orders.items;
}

// The shop's stock of each tracked SKU.
async function shopStock(admin) {
    const { productVariants } = await admin.query(`{
        productVariants(options: { filter: { sku: { contains: "SKU-" } }, sort: { id: ASC }, take: 1000 }) {
            items { sku stockLevels { stockOnHand stockAllocated } }
        }
    }`);
    return new Map(productVariants.items.map(({ sku, stockLevels: [{ stockOnHand: onHand, stockAllocated: allocated }] }) => (
        [sku, { onHand, allocated, sellable: Math.max(onHand - allocated, 0) }]
    )));
}

async function veracoreSync(...args) {
    // Without this process's variables, which would override the file.
    const { stdout } = await promisify(execFile)(PROGRAM, ['--config', CONFIG, '--json', ...args], {
        env: { PATH: process.env.PATH }, maxBuffer: 64 << 20,
    });
    return JSON.parse(stdout);
}

// Runs `inventory` or `tracking` now. Retries while the daemon runs the same job.
async function pass(what) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
        let answer;
        try {
            answer = await veracoreSync('sync', what);
            if (!answer.busy && !answer.untried) return answer;
        } catch (error) {
            try { answer = JSON.parse(error.stdout); } catch { throw error; }
            if (!/run is in progress/.test(answer.error) && !answer.busy && !answer.untried) {
                throw new Error(`veracore-sync sync ${what}: ${answer.error || JSON.stringify(answer)}`);
            }
        }
        if (Date.now() > deadline) throw new Error(`veracore-sync sync ${what} found the job already running for ${PATIENCE / 1000} s`);
        await pause(500);
    }
}

const ledger = async () => (await veracoreSync('orders', 'list', '--limit', '1000')).orders.reverse();

async function sandbox(where, method = 'GET', body = undefined) {
    const response = await fetch(`${SANDBOX}/sandbox/${where}`, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`the sandbox refuses ${method} ${where}: ${answer.message}`);
    return answer;
}

// --- Printing ---

const units = (list) => list.map(({ sku, quantity }) => `${quantity} x ${sku}`).join(', ');
const linesIn = (order) => order.lines.map((line) => ({ sku: line.productVariant.sku, quantity: line.quantity }));
const itemsIn = (list) => list.map((item) => ({ sku: item.SKU, quantity: item.Quantity }));
const skuOf = (order, lineId) => (order.lines.find(({ id }) => id === lineId) || { productVariant: { sku: `line ${lineId}` } }).productVariant.sku;
const fulfilledIn = (order, fulfillment) => fulfillment.lines.map(({ orderLineId, quantity }) => ({ sku: skuOf(order, orderLineId), quantity }));

// Reads Vendure, the ledger and the sandbox, prints what is new, and remembers it.
class Follower {
    constructor(admin) {
        this.admin = admin;
        this.printed = new Set();
        this.logRead = 0;
        this.stock = new Map();
    }

    async look() {
        // From the last step to the first, so that a later step is never printed first.
        const arrived = await sandbox('orders');
        const records = await ledger();
        const paid = await paidOrders(this.admin);
        const stock = await shopStock(this.admin);
        for (const order of paid) {
            this.first(order.code, 'paid', `${paint(1, 'paid')} in Vendure: ${units(linesIn(order))}`, order.orderPlacedAt || undefined);
        }
        for (const record of records) this.printRecord(record);
        for (const order of arrived) this.printWarehouse(order);
        for (const order of paid) this.printFulfilled(order);
        this.printStock(stock);
        this.printTrouble();
        return { arrived, records, paid, stock };
    }

    printRecord(record) {
        const { vendureOrderCode: code, syncStatus: status, veracoreOrderId: id } = record;
        this.first(code, 'found', `${paint(1, 'found')} by the daemon, and recorded in the ledger`, record.createdAt);
        if (status === 'success') {
            this.first(code, 'accepted', `${paint('1;32', 'accepted')} by VeraCore as ${id}`, record.lastSuccessfulSync || undefined);
        } else if (!['pending', 'syncing'].includes(status)) {
            const why = [status, record.errorMessage || record.skipReason].filter(Boolean).join(': ');
            this.first(code, why, paint(33, why), record.updatedAt);
        }
    }

    printWarehouse(order) {
        if (order.status === 'InWarehouse') this.first(order.number, 'pick', `${paint(1, 'picked')} in the sandbox`);
        if (order.status === 'Cancelled') this.first(order.number, 'cancel', `${paint(1, 'cancelled')} in the sandbox`);
        order.packages.forEach((sent, at) => {
            const part = order.status === 'Shipped' && order.packages.length === 1 ? '' : ` (parcel ${at + 1})`;
            const { shipment_id: id, tracking_number: number, carrier } = sent;
            this.first(
                order.number, `sent ${id}`,
                `${paint(1, 'shipped')} in the sandbox${part} with tracking ${number} (${carrier}): ${units(itemsIn(sent.items))}`,
            );
            if (sent.voided) this.first(order.number, `void ${id}`, `parcel ${number} was ${paint(1, 'voided')} in the sandbox`);
        });
    }

    printFulfilled(order) {
        for (const one of order.fulfillments.filter(({ state }) => state === 'Shipped')) {
            this.first(
                order.code, `fulfilled ${one.id}`,
                `${paint('1;32', 'fulfilled')} in Vendure: ${units(fulfilledIn(order, one))} (${one.method} ${one.trackingCode})`,
            );
        }
        const { trackingCode, carrier, shipDate } = order.customFields;
        if (!trackingCode) return;
        this.first(
            order.code, `${order.state} ${trackingCode}`,
            `${paint('1;32', order.state)} in Vendure; the customer sees ${trackingCode} (${carrier}), ${(shipDate || 'no date').slice(0, 10)}`,
        );
    }

    // Changes of the shop's stock on hand, and their effect on what can be sold.
    printStock(stock) {
        const changed = [...stock].filter(([sku, now]) => this.stock.has(sku) && this.stock.get(sku).onHand !== now.onHand);
        const groups = new Map();
        for (const [sku, now] of changed) {
            const before = this.stock.get(sku);
            const change = `on hand ${before.onHand} -> ${now.onHand}, allocated ${before.allocated} -> ${now.allocated}, sellable ${before.sellable} -> ${paint(1, now.sellable)}`;
            groups.set(change, [...(groups.get(change) || []), sku]);
        }
        for (const [change, skus] of groups) {
            const whose = skus.length > 2 ? `${skus[0]} and ${skus.length - 1} others` : skus.join(', ');
            print('Vendure', `${whose}: ${change}`);
        }
        this.stock = stock;
    }

    // The daemon's warnings and errors.
    printTrouble() {
        const log = fs.readFileSync(DAEMON_LOG, 'utf8');
        const end = log.lastIndexOf('\n') + 1;
        for (const line of log.slice(this.logRead, end).split('\n')) {
            if (/^\S+\s+(WARN|ERROR) /.test(line)) process.stdout.write(`${paint(33, line)}\n`);
        }
        this.logRead = end;
    }

    first(code, step, text, at) {
        const key = `${code} ${step}`;
        if (this.printed.has(key)) return;
        this.printed.add(key);
        print(code, text, at);
    }
}

// --- The check ---

// Every problem with the orders at VeraCore; empty if each arrived exactly once.
function problemsOfOrders(expected, { paid, records, arrived }, requests) {
    const problems = [];
    const group = (list, key) => {
        const groups = new Map();
        for (const one of list) groups.set(key(one), [...(groups.get(key(one)) || []), one]);
        return groups;
    };
    const sends = requests.filter(({ method, path: at, operation }) => (
        method === 'POST' && at.toLowerCase() === SEND.path && operation === SEND.operation
    ));
    const numberOf = ({ body }) => {
        if (STYLE === 'oms') return (/<(?:\w+:)?Header>\s*<(?:\w+:)?ID>([^<]+)</.exec(body) || [])[1] || '(unreadable)';
        try { return JSON.parse(body).OrderNumber; } catch { return '(unreadable)'; }
    };
    const inVendure = group(paid, (order) => order.code);
    const inLedger = group(records, (record) => record.vendureOrderCode);
    const inSandbox = group(arrived, (order) => order.number);
    const inRequests = group(sends, numberOf);

    for (const code of expected) if (!inVendure.has(code)) problems.push(`${code} was paid, but Vendure does not list it`);
    for (const [name, known] of [['the ledger', inLedger], ['the sandbox', inSandbox], ['a request to the sandbox', inRequests]]) {
        for (const code of known.keys()) if (!inVendure.has(code)) problems.push(`${code} is in ${name}, but is not a paid order in Vendure`);
    }
    for (const [code, [order, ...twins]] of inVendure) {
        const wrong = (problem) => problems.push(`${code}: ${problem}`);
        const rows = inLedger.get(code) || [];
        const there = inSandbox.get(code) || [];
        const sent = inRequests.get(code) || [];
        if (twins.length) wrong('Vendure lists it more than once');
        if (rows.length !== 1) wrong(`the ledger has it ${rows.length} times`);
        if (there.length !== 1) wrong(`the sandbox has it ${there.length} times`);
        // A response may have been lost; what counts is what the sandbox did.
        const taken = sent.filter(({ status }) => status >= 200 && status <= 299);
        if (taken.length !== 1) wrong(`VeraCore accepted it ${taken.length} times in ${sent.length} sends`);
        // In SOAP a duplicate is a fault, and the demo causes no other refusal.
        if (sent.some(({ status }) => status === (STYLE === 'oms' ? 500 : 409))) wrong('it was sent although VeraCore had it');
        if (rows.length !== 1 || there.length !== 1) continue;
        const [row] = rows;
        const [received] = there;
        if (row.syncStatus !== 'success') wrong(`the ledger says ${row.syncStatus}: ${row.errorMessage || 'no message'}`);
        if (row.vendureOrderId !== String(order.id)) wrong(`the ledger has Vendure's id ${row.vendureOrderId}, not ${order.id}`);
        // SOAP returns two ids: the order's own, and a serial number.
        const ids = STYLE === 'oms' ? [received.number, received.order_id.replace('VC-', '')] : [received.order_id];
        if (!ids.includes(row.veracoreOrderId)) wrong(`the ledger says ${row.veracoreOrderId}, the sandbox ${received.order_id}`);
        if (received.foreign) wrong('someone else created it in the sandbox');
        // Prices as Vendure has them, in hundredths.
        const meant = order.lines.map((line) => `${line.quantity} x ${line.productVariant.sku} at ${line.proratedUnitPriceWithTax}`);
        const got = received.items.map((item) => `${item.Quantity} x ${item.SKU} at ${Math.round(Number(item.UnitPrice) * 100)}`);
        if (meant.sort().join() !== got.sort().join()) wrong(`paid: ${meant.join(', ')}; arrived: ${got.join(', ')}`);
    }
    return problems;
}

// Every problem with the parcels in Vendure: each that left must be exactly one fulfillment with its
// lines, and the order must show it.
function problemsOfPackages({ paid, arrived }) {
    const problems = [];
    for (const order of paid) {
        const wrong = (problem) => problems.push(`${order.code}: ${problem}`);
        const { packages } = arrived.find(({ number }) => number === order.code) || { packages: [] };
        const left = packages.filter(({ voided }) => !voided);
        const fulfillments = order.fulfillments.filter(({ state }) => state !== 'Cancelled');
        const content = (list) => list.map(({ sku, quantity }) => `${quantity} x ${sku}`).sort().join(', ');
        for (const { tracking_number: number, carrier, items } of left) {
            const same = fulfillments.filter(({ trackingCode }) => trackingCode === number);
            if (same.length !== 1) wrong(`parcel ${number} has ${same.length} fulfillments in Vendure`);
            for (const one of same) {
                const [meant, got] = [content(itemsIn(items)), content(fulfilledIn(order, one))];
                if (meant !== got) wrong(`parcel ${number} contains ${meant}; its fulfillment has ${got}`);
                if (one.state !== 'Shipped') wrong(`the fulfillment of parcel ${number} is ${one.state}`);
            }
            for (const [field, word] of [['trackingCode', number], ['carrier', carrier]]) {
                const said = order.customFields[field] || '';
                if (!said.split(', ').includes(word)) wrong(`its field ${field} is '${said}', without ${word}`);
            }
        }
        if (fulfillments.length !== left.length) wrong(`${left.length} parcels left, but Vendure has ${fulfillments.length} fulfillments`);
        if (left.length && !order.customFields.shipDate) wrong('its field shipDate is empty');
        if (!left.length && order.customFields.trackingCode) wrong('it has a tracking number, but no parcel left');
        const sum = (list) => list.reduce((all, { quantity }) => all + quantity, 0);
        const [sent, ordered] = [sum(left.flatMap(({ items }) => itemsIn(items))), sum(order.lines)];
        const meant = sent === 0 ? 'PaymentSettled' : sent < ordered ? 'PartiallyShipped' : 'Shipped';
        if (order.state !== meant) wrong(`it is ${order.state} in Vendure, but should be ${meant}`);
    }
    return problems;
}

// Units of a SKU in paid orders that are not fulfilled: of all, or of those that `of` picks.
function unfulfilled(paid, sku, of = () => true) {
    let sum = 0;
    for (const order of paid.filter(of)) {
        for (const line of order.lines.filter(({ productVariant }) => productVariant.sku === sku)) sum += line.quantity;
        const lines = order.fulfillments.filter(({ state }) => state !== 'Cancelled').flatMap((one) => fulfilledIn(order, one));
        for (const line of lines.filter((one) => one.sku === sku)) sum -= line.quantity;
    }
    return sum;
}

const accepted = (records) => new Set(records.filter((one) => one.syncStatus === 'success').map((one) => one.vendureOrderCode));

// The rule for a SKU: sellable = available at VeraCore - units that the shop promised to orders that
// VeraCore does not have yet.
function rule(sku, shelves, { paid, records }) {
    const there = accepted(records);
    const free = shelves.find(({ SKU }) => SKU === sku).AvailableQuantity;
    const waiting = unfulfilled(paid, sku, ({ code }) => !there.has(code));
    return { free, waiting, sellable: Math.max(free - waiting, 0) };
}

// Every SKU whose sellable quantity breaks the rule.
function problemsOfStock(skus, shelves, seen) {
    const problems = [];
    for (const sku of skus) {
        const { free, waiting, sellable } = rule(sku, shelves, seen);
        const now = seen.stock.get(sku);
        if (now.sellable !== sellable) {
            problems.push(`${sku}: ${now.sellable} sellable (${now.onHand} on hand, ${now.allocated} allocated); VeraCore has ${free} available, of which ${waiting} are promised`);
        }
        const promised = unfulfilled(seen.paid, sku);
        if (now.allocated !== promised) problems.push(`${sku}: Vendure has ${now.allocated} allocated, but its orders need ${promised}`);
    }
    return problems;
}

// --- The show ---

class Show {
    constructor(on, follower) {
        this.on = on;
        this.follower = follower;
        this.skus = [...on.variants.keys()].filter((sku) => sku.startsWith('SKU-')).sort();
        this.codes = [];
        this.problems = new Set();
    }

    wrong(problems) {
        for (const problem of problems) this.problems.add(problem);
    }

    async pay(lines, shipping = 'standard-shipping') {
        const { code } = await pay(this.on, { lines, shipping });
        this.codes.push(code);
        await this.follower.look();
        return code;
    }

    // Runs an inventory or tracking sync, prints the result, and returns the state of all systems.
    async pass(what) {
        const done = await pass(what);
        print('veracore-sync', what === 'inventory'
            ? `${paint(1, 'sync inventory')}: levels written: ${done.written}; unchanged: ${done.unchanged}`
            : `${paint(1, 'sync tracking')}: parcels reported: ${done.shipments}; fulfillments made: ${done.fulfilled}`);
        return this.follower.look();
    }

    async shelve(sku, onHand, reason) {
        await sandbox(`stock/${sku}`, 'PUT', { on_hand: onHand });
        print('the warehouse', `${reason}: it now has ${onHand} of ${sku}`);
    }

    async explain(sku, seen) {
        const { free, waiting } = rule(sku, await sandbox('stock'), seen);
        print('the rule', `${sku}: ${free} available at VeraCore - ${waiting} in orders that it does not have yet = ${paint(1, seen.stock.get(sku).sellable)} sellable`);
        this.wrong(problemsOfStock([sku], await sandbox('stock'), seen));
        return waiting;
    }

    // Waits until VeraCore has these orders.
    async follow(codes) {
        const deadline = Date.now() + PATIENCE;
        for (;;) {
            const seen = await this.follower.look();
            const late = codes.filter((code) => !accepted(seen.records).has(code));
            if (!late.length) return seen;
            if (Date.now() > deadline) throw new Error(`VeraCore did not accept these orders within ${PATIENCE / 1000} s: ${late.join(', ')}`);
            await pause(200);
        }
    }

    async stock() {
        chapter('Stock arrives at the warehouse, and the shop can sell it');
        for (const sku of this.skus) await sandbox(`stock/${sku}`, 'PUT', { on_hand: 100 });
        print('the warehouse', `it has 100 of each of ${this.skus.length} SKUs`);
        const { stock } = await this.pass('inventory');
        this.wrong(this.skus.filter((sku) => stock.get(sku).sellable !== 100).map((sku) => `${sku}: the first sellable quantity is not 100`));
    }

    async orders() {
        chapter('Customers pay, and the warehouse receives the orders');
        for (let at = 0; at < ORDERS; at += 1) {
            const lines = linesOf(at, { lines: 1 + (at % 3), skus: this.skus });
            await this.pay(lines, at === 2 ? 'express-shipping' : 'standard-shipping');
        }
        await this.follow(this.codes);
    }

    // For a SKU that is also in another order.
    async fallAndRise(sku) {
        chapter('Stock falls while VeraCore is slow to accept an order, and rises again');
        await sandbox('faults', 'POST', { ...SEND, method: 'POST', kind: 'delay', milliseconds: SLOW, work: 'after', times: 1 });
        const code = await this.pay([{ sku, quantity: 5 }]);
        await this.shelve(sku, 80, '20 units were damaged');
        const waiting = await this.explain(sku, await this.pass('inventory'));
        if (!waiting) this.wrong([`${code}: VeraCore accepted it before the inventory sync, within ${SLOW / 1000} s: the rule could not be demonstrated`]);
        await this.follow([code]);
        await this.shelve(sku, 120, '40 units were delivered');
        await this.explain(sku, await this.pass('inventory'));
    }

    // Ships `packages` (default: one with everything left) and syncs tracking: the order's state follows,
    // and the sellable quantity does not change.
    async ship(code, state, packages = undefined) {
        const before = await this.follower.look();
        await sandbox(`orders/${code}/ship`, 'POST', packages ? { packages } : {});
        await this.follower.look();
        const tracked = await this.pass('tracking');
        const order = tracked.paid.find((one) => one.code === code);
        if (order.state !== state) this.wrong([`${code}: it is ${order.state} in Vendure after its parcel, but should be ${state}`]);
        const skus = [...new Set(linesIn(order).map(({ sku }) => sku))];
        for (const after of [tracked, await this.pass('inventory')]) {
            for (const sku of skus) {
                const [was, is] = [before, after].map(({ stock }) => stock.get(sku).sellable);
                if (was !== is) this.wrong([`${sku}: ${was} sellable before a parcel of ${code} left, but ${is} afterwards`]);
            }
        }
    }

    async packages() {
        const [whole, inTwo, later] = this.codes;
        chapter('Parcels leave, and customers get tracking numbers; the sellable quantity stays the same');
        await this.ship(whole, 'Shipped');
        const { items: [{ SKU, Quantity }] } = await sandbox(`orders/${inTwo}`);
        await this.ship(inTwo, 'PartiallyShipped', [{ items: [{ SKU, Quantity: Quantity - 1 }], carrier: 'UPS' }]);
        await this.ship(inTwo, 'Shipped', [{ carrier: 'FedEx' }]);
        await sandbox(`orders/${later}/pick`, 'POST', {});
        await this.follower.look();
    }

    async check() {
        chapter('Checks');
        const compare = async () => {
            const seen = await this.follower.look();
            this.wrong(problemsOfOrders(this.codes, seen, await sandbox('requests')));
            this.wrong(problemsOfPackages(seen));
            this.wrong(problemsOfStock(this.skus, await sandbox('stock'), seen));
            return seen;
        };
        await compare();
        // Run everything again: whatever would happen twice happens now.
        await veracoreSync('sync', 'orders');
        const [inventory, tracking] = [await pass('inventory'), await pass('tracking')];
        const idle = { written: inventory.written, fulfilled: tracking.fulfilled, recognized: tracking.recognized, trackingUpdated: tracking.trackingUpdated };
        for (const [what, count] of Object.entries(idle)) if (count) this.wrong([`another run was not idle: ${what} = ${count}`]);
        const { arrived } = await compare();
        for (const problem of this.problems) process.stdout.write(`${paint('1;31', 'WRONG')}  ${problem}\n`);
        if (this.problems.size) return;
        const packages = arrived.flatMap((order) => order.packages).length;
        process.stdout.write(`${this.codes.length} orders were paid and ${packages} parcels left; another run sent, fulfilled and wrote nothing. Vendure, the\n`
            + 'ledger, the sandbox\'s orders and its request log agree: each order arrived exactly once, with the right goods\n'
            + `and prices; each parcel is one fulfillment with the right lines; all ${this.skus.length} stock levels follow the rule.\n`);
    }
}

function printAddresses() {
    const program = path.relative('', PROGRAM) || PROGRAM;
    process.stdout.write(`
Everything is running (ready after ${Math.round(Date.now() / 1000 - Number(STARTED))} s). Ctrl-C stops and removes it.

  Vendure's Admin API   ${ADMIN_API}  (superadmin / superadmin)
  sandbox control       ${SANDBOX}/sandbox  (docs/sandbox.md)
  dashboard             ${DAEMON}/  (superadmin / superadmin)
  daemon status         ${DAEMON}/readyz and /metrics

  pay another order     ADMIN_API=${ADMIN_API} node tests/vendure/orders.cjs pay
  ship an order         curl -X POST ${SANDBOX}/sandbox/orders/CODE/ship
  change stock          curl -X PUT ${SANDBOX}/sandbox/stock/SKU-001 -d '{"on_hand": 50}'
  sync inventory now    ${program} --config ${CONFIG} sync inventory
  sync tracking now     ${program} --config ${CONFIG} sync tracking
  explain a stock level ${program} --config ${CONFIG} stock explain SKU-001
  show the schedule     ${program} --config ${CONFIG} schedule
  list the orders       ${program} --config ${CONFIG} orders list
  show an order         ${program} --config ${CONFIG} orders show CODE
  test the connections  ${program} --config ${CONFIG} check

New activity appears here:

`);
}

main(async () => {
    const admin = new Admin({ url: ADMIN_API });
    const on = await shop(admin);
    const follower = new Follower(admin);
    const show = new Show(on, follower);
    process.stdout.write(`\nThe dashboard shows it, too: ${DAEMON}/  (superadmin / superadmin)\n`);
    await follower.look();
    await show.stock();
    await show.orders();
    await show.fallAndRise('SKU-010');
    await show.packages();
    await show.check();
    if (once) {
        if (show.problems.size) throw new Error('the demo found problems; see above');
        return;
    }
    printAddresses();
    for (;;) {
        await pause(1000);
        // Experiments may stop a server for a moment.
        await follower.look().catch((error) => process.stderr.write(`${error.message}\n`));
    }
});
