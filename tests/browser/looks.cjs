'use strict';
// Every page: accessibility, light and dark, on a phone, by keyboard; and the documentation's
// screenshots.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { PHONE, WIDE, browserTest } = require('./visitor.cjs');
const { OUT } = require('./world.cjs');

const PICTURES = process.env.UPDATE_SCREENSHOTS === '1' ? path.resolve(__dirname, '../../docs/images') : OUT;

// The maximum size of a screenshot.
const HEIGHT = 1400;
const BYTES = 250_000;

async function picture(visitor, name) {
    const { page } = visitor;
    const { width } = page.viewportSize();
    const height = Math.min(await page.evaluate(() => document.documentElement.scrollHeight), HEIGHT);
    const file = path.join(PICTURES, `dashboard-${name}.png`);
    fs.mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: file, fullPage: true, clip: { x: 0, y: 0, width, height } });
    const { size } = fs.statSync(file);
    assert.ok(size < BYTES, `${file} has ${size} bytes`);
}

// The orders and runs that the test 'a day of work' creates, for later tests.
const scene = {};

async function assertAccessible(visitor, how, rules) {
    assert.deepEqual(await visitor.violations(rules), [], `${visitor.path}, ${how}`);
}

// Checks a page in all color schemes and sizes.
async function assertLooks(visitor) {
    const { page } = visitor;
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(WIDE);
    await assertAccessible(visitor, 'light');
    const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.notEqual(dark, light);
    // Only the colors differ.
    await assertAccessible(visitor, 'dark', ['color-contrast']);
    await page.setViewportSize(PHONE);
    await visitor.assertFits();
    await assertAccessible(visitor, 'on a phone');
}

browserTest('empty pages say what will appear', {}, async (visitor) => {
    await visitor.goto('/');
    await visitor.sees('All clear. Orders, inventory and tracking sync automatically.');
    await assertLooks(visitor);
    await visitor.goto('/orders');
    await visitor.sees('No orders yet.');
    await visitor.goto('/inventory');
    await visitor.sees('No runs yet.', '#runs');
    await visitor.sees('No stock level has changed yet.');
    await assertLooks(visitor);
});

browserTest('a day of work is shown', {}, async (visitor, world) => {
    await world.insertDayOfOrders();
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    await visitor.sees('Stock levels written', '#note');
    const carts = [{ 'MUG-RED': 2 }, { 'TOTE-NAVY': 1, 'CAP-OLIVE': 1 }, { 'NOTEBOOK-A5': 3 }, { 'TEE-BLACK-M': 2, 'MUG-BLUE': 1 }];
    const codes = [];
    for (const lines of carts) codes.push(await world.pay(lines));
    for (const code of codes) await world.hasStatus(code, 'success');
    await world.sandbox(`orders/${codes[0]}/ship`, 'POST', {});
    await visitor.press('Sync tracking');
    await visitor.sees('fulfillments created', '#note');
    scene.shipped = codes[0];
    scene.failed = await world.payRefused('Offer TEE-BLACK-L is discontinued.', { 'TEE-BLACK-L': 1 });
    await world.payRefused('The address could not be verified.', { 'POSTER-A2': 1 });
    await world.fault({ path: '/api/orders', method: 'POST', about: 'Lost Ltd', kind: 'drop_request' });
    await world.hasStatus(await world.pay({ 'POSTER-A2': 2 }, { company: 'Lost Ltd' }), 'in_doubt');
    for (const sku of ['mug-green', 'STICKERS', 'notebook-a5']) await world.shelve(sku, 12);
    for (const sku of ['MUG-RED', 'MUG-BLUE', 'TOTE-NAVY', 'CAP-OLIVE', 'TEE-BLACK-M']) await world.shelve(sku, 0);
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    await visitor.sees('is held', '#note');
    [scene.run] = await world.sql("select max(id) from veracore_sync_run where outcome = 'held'");

    const pages = [['overview', '/'], ['orders', '/orders'], ['order', `/orders/${scene.shipped}`], ['inventory', '/inventory'], ['settings', '/settings']];
    for (const [name, where] of pages) {
        await visitor.goto(where);
        await picture(visitor, name);
    }
    await visitor.goto('/');
    await visitor.page.emulateMedia({ colorScheme: 'dark' });
    await picture(visitor, 'overview-dark');
    await visitor.page.emulateMedia({ colorScheme: 'light' });
    await visitor.page.setViewportSize(PHONE);
    await picture(visitor, 'phone');
});

// A test per page, so that one failure does not hide another.
const PAGES = {
    'the overview': () => '/',
    'the list of orders': () => '/orders',
    'a failed order': () => `/orders/${scene.failed}`,
    'a shipped order': () => `/orders/${scene.shipped}`,
    'a question': () => `/orders/${scene.failed}/skip`,
    'the inventory': () => '/inventory',
    'a held run': () => `/inventory/runs/${scene.run}`,
    'an explained level': () => '/inventory/sku?sku=TOTE-NAVY',
    'the settings': () => '/settings',
};
for (const [name, where] of Object.entries(PAGES)) {
    browserTest(`${name} is accessible in light and dark and fits a phone`, {}, async (visitor, world) => {
        if (!scene.isNasty) {
            // Long words from users and systems.
            scene.isNasty = true;
            await world.payRefused(`E${'x'.repeat(250)}`);
            await world.shelve(`LONG-${'W'.repeat(80)}`, 3);
            await visitor.goto('/inventory');
            await visitor.press('Sync inventory');
        }
        await visitor.goto(where());
        await assertLooks(visitor);
    });
}

browserTest('the login and the not-found page are accessible and fit a phone', { as: undefined }, async (visitor) => {
    await visitor.goto('/login');
    await assertLooks(visitor);
    await visitor.logIn('nobody', 'wrong');
    await visitor.page.getByRole('alert').waitFor();
    visitor.expected(401);
    await assertLooks(visitor);
    await visitor.goto(`/${'none'.repeat(40)}`);
    visitor.expected(404);
    await assertLooks(visitor);
});

// The elements reached with the Tab key from the start of the page, and whether each is visible.
async function walk(page) {
    const steps = [];
    for (;;) {
        await page.keyboard.press('Tab');
        const step = await page.evaluate(() => {
            const at = document.activeElement;
            if (!at || at === document.body || at === document.documentElement) return null;
            const box = at.getBoundingClientRect();
            const { outlineStyle, outlineWidth } = getComputedStyle(at);
            return {
                what: `${at.nodeName.toLowerCase()} ${at.innerText || at.name || at.id}`.trim(),
                isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && box.width > 0 && box.left >= 0 && box.top >= 0 && box.top < innerHeight,
            };
        });
        // After the last element comes the browser's frame, or the first element again.
        if (!step || steps.length > 300 || (steps.length && step.what === steps[0].what)) return steps;
        steps.push(step);
    }
}

browserTest('every element is reachable by keyboard, and the focused one is visible', {}, async (visitor) => {
    const { page } = visitor;
    for (const where of ['/', `/orders/${scene.failed}`, '/inventory', '/orders?status=error', '/settings']) {
        await visitor.goto(where);
        const steps = await walk(page);
        const names = steps.map(({ what }) => what);
        assert.deepEqual(names.slice(0, 7), [
            'a Skip to content', 'a veracore-sync', 'a Overview', 'a Orders', 'a Inventory', 'a Settings', 'button Log out',
        ]);
        assert.deepEqual(steps.filter(({ isSeen }) => !isSeen).map(({ what }) => what), [], `${where}: without a visible focus`);
        const all = await page.locator('a[href], button, input:not([type=hidden]), select, summary').count();
        assert.equal(steps.length, all, `${where}: ${names.join(' | ')}`);
    }
});

browserTest('the first Tab offers to skip the navigation', {}, async (visitor) => {
    const { page } = visitor;
    await visitor.goto('/orders?status=error');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'status', 'the first element of the content');
});

browserTest('an order is retried with the keyboard alone', {}, async (visitor, world) => {
    const { page } = visitor;
    const code = await world.payRefused('No such offer.');
    await world.heal();
    await visitor.goto(`/orders/${code}`);
    const focus = async (words) => {
        for (let at = 0; at < 40; at += 1) {
            await page.keyboard.press('Tab');
            if ((await page.evaluate(() => document.activeElement.innerText)) === words) return page.keyboard.press('Enter');
        }
        throw new Error(`${words} is not reached`);
    };
    await focus('Retry');
    await visitor.at(`/orders/${code}/retry`);
    await focus('Retry');
    await visitor.at(`/orders/${code}`);
    await world.hasStatus(code, 'success');
});

browserTest('times are relative, with the exact time as a title', {}, async (visitor) => {
    await visitor.goto('/orders');
    const times = await visitor.page.locator('#list time').evaluateAll((all) => all.map((one) => [one.innerText, one.title, one.dateTime]));
    assert.ok(times.length >= 50);
    for (const [text, title, datetime] of times) {
        assert.match(text, /^(now|in \d+ (s|min|h|days)|\d+ (s|min|h|days) ago)$/);
        assert.match(title, /^\w{3} \d+ \w{3} \d{4}, \d\d:\d\d:\d\d P[SD]T$/);
        assert.ok(Number.isFinite(Date.parse(datetime)));
    }
});
