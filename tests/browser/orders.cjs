'use strict';
// The order pages and actions.

const assert = require('node:assert/strict');

const { browserTest } = require('./visitor.cjs');
const { until } = require('./world.cjs');

const badge = (visitor) => visitor.text('#status .badge');

browserTest('a failed order is shown first, retried, and changes to success on the open page', {}, async (visitor, world) => {
    const code = await world.payRefused('Offer MUG-RED is not on sale.', { 'MUG-RED': 2 });
    await visitor.goto('/');
    await visitor.sees(/orders? needs? action/, '#attention');
    await visitor.page.locator('#attention').getByRole('link', { name: 'Show orders' }).first().click();
    await visitor.at('/orders?status=error');
    await visitor.press(code);
    await visitor.sees('Offer MUG-RED is not on sale.', '#why');
    assert.equal(await badge(visitor), 'error');

    // VeraCore accepts it now, but slowly, so that the page changes visibly.
    await world.heal();
    await world.fault({ path: '/api/orders', method: 'POST', kind: 'delay', milliseconds: 3000, times: 1 });
    await visitor.press('Retry');
    await visitor.at(`/orders/${code}/retry`);
    await visitor.press('Retry');
    await visitor.at(`/orders/${code}`);
    await visitor.mark();
    const message = await visitor.note();
    assert.notEqual(await badge(visitor), 'success');
    await until('the order turned to success on the open page', async () => (await badge(visitor)) === 'success');
    await visitor.sees('Accepted by VeraCore', '#timeline');
    await visitor.assertNotReloaded();
    assert.equal(await visitor.note(), message, 'the message stays');
    assert.equal(await visitor.page.locator('#why').count(), 0, 'the error is gone');
    assert.equal((await world.atWarehouse(code)).length, 1);
    assert.equal(await world.status(code), 'success');
});

browserTest('an open overview is updated', {}, async (visitor, world) => {
    await visitor.goto('/');
    await until('the page listens', async () => visitor.streams > 0);
    await visitor.mark();
    const taken = async () => Number(await visitor.text('.tile[href$=success] strong'));
    const before = await taken();
    await world.pay({ 'NOTEBOOK-A5': 1 });
    await until('one more order is counted', async () => (await taken()) === before + 1);
    await visitor.assertNotReloaded();
});

browserTest('an order is skipped after a confirmation', {}, async (visitor, world) => {
    const code = await world.payRefused('No such offer.');
    await visitor.goto(`/orders/${code}`);
    await visitor.press('Skip');
    await visitor.sees(`Skip order ${code}?`);
    await visitor.press('Cancel');
    await visitor.at(`/orders/${code}`);
    assert.equal(await world.status(code), 'error');
    await visitor.press('Skip');
    await visitor.page.getByRole('button', { name: 'Skip' }).click();
    await visitor.at(`/orders/${code}`);
    assert.equal(await badge(visitor), 'skipped');
    await visitor.sees('Skipped manually', '#timeline');
    await world.heal();
    assert.equal(await world.status(code), 'skipped');
    assert.deepEqual(await world.atWarehouse(code), []);
    const note = await visitor.note();
    await visitor.page.reload();
    assert.equal(await visitor.page.locator('#note').count(), 0, `it is shown once: ${note}`);
});

browserTest('an order is sent immediately', {}, async (visitor, world) => {
    const code = await world.payRefused('No such offer.');
    await world.heal();
    await visitor.goto(`/orders/${code}`);
    await visitor.press('Send now');
    await visitor.page.getByRole('button', { name: 'Send now' }).click();
    await visitor.at(`/orders/${code}`);
    await until('the order turned to success', async () => (await badge(visitor)) === 'success');
    assert.equal((await world.atWarehouse(code)).length, 1);
    assert.deepEqual(await visitor.page.locator('#actions').count(), 0, 'a sent order has no actions');
});

browserTest('orders are searched, filtered and paged', {}, async (visitor, world) => {
    const { page } = visitor;
    const codes = () => page.locator('#list tbody th').allInnerTexts();
    const all = Number(await world.sql('select count(*) from veracore_order_sync'));
    await visitor.goto('/orders');
    await visitor.sees(`${all} orders`);
    const newest = await codes();
    assert.equal(newest.length, 50);
    await visitor.press('Older');
    const older = await codes();
    assert.equal(older.length, Math.min(50, all - 50));
    assert.ok(older.every((code) => !newest.includes(code)), 'no order is on two pages');
    await visitor.press('Newest');
    assert.deepEqual(await codes(), newest);

    const wanted = older[0];
    await page.getByRole('searchbox').fill(wanted.toLowerCase().slice(0, 12));
    await visitor.press('Search');
    assert.deepEqual(await codes(), [wanted]);
    await visitor.sees('1 order', '#list');
    await page.getByRole('searchbox').fill('there is no such');
    await page.keyboard.press('Enter');
    await visitor.sees('No matching orders.');
    await visitor.press('Show all');
    await visitor.at('/orders');

    await page.getByLabel('Status').selectOption('skipped');
    await visitor.press('Search');
    const badges = await page.locator('#list tbody .badge').allInnerTexts();
    assert.ok(badges.length > 0 && badges.every((text) => text === 'skipped'), badges.join());
    for (const [where, status] of [['/orders?status=none', 400], ['/orders?after=x', 400], ['/orders/NO-SUCH-ORDER', 404], ['/none', 404]]) {
        assert.equal((await visitor.goto(where)).status(), status, where);
        await visitor.press('Back to overview');
        visitor.expected(status);
    }
});

browserTest('everything works without JavaScript', { as: undefined, javaScriptEnabled: false }, async (visitor, world) => {
    const code = await world.payRefused('No such offer.');
    await visitor.goto(`/orders/${code}`);
    await visitor.logIn('ops');
    await visitor.at(`/orders/${code}`);
    await world.heal();
    await visitor.press('Retry');
    await visitor.press('Retry');
    await visitor.at(`/orders/${code}`);
    await visitor.page.locator('#note').waitFor();
    await world.hasStatus(code, 'success');
    await visitor.page.reload();
    assert.equal(await badge(visitor), 'success');
    await visitor.press('Log out');
    await visitor.at('/login');
});
