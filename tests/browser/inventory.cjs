'use strict';
// The inventory pages, and decisions on quarantined feeds.

const assert = require('node:assert/strict');

const { browserTest } = require('./visitor.cjs');
const { GOODS, until } = require('./world.cjs');

const SKUS = GOODS.map(([sku]) => sku);

// Makes VeraCore report this number of units of each SKU, and syncs the inventory.
async function shelveAll(visitor, world, units) {
    await Promise.all(SKUS.map((sku) => world.shelve(sku, units)));
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    await visitor.page.locator('#note').waitFor();
}

// Writes all levels to the shop, accepting a quarantined feed.
async function level(visitor, world, units) {
    await shelveAll(visitor, world, units);
    if (!/is held/.test(await visitor.note())) return;
    await visitor.press('Accept feed…');
    await visitor.press('Accept feed');
    await visitor.sees('Inventory synced.', '#note');
}

browserTest('a quarantined feed is shown, reviewed and accepted', {}, async (visitor, world) => {
    await level(visitor, world, 80);
    const before = await world.onHand('POSTER-A2');
    assert.ok(before >= 80, `${before} on hand`);
    await shelveAll(visitor, world, 0);
    assert.match(await visitor.note(), /The feed is held; nothing was written: \d+ of the \d+ SKUs on sale would go to zero/);
    assert.equal(await world.onHand('POSTER-A2'), before);
    await visitor.sees('Held by run', '#held');

    await visitor.goto('/');
    await visitor.sees('The inventory feed is held; nothing was written', '#attention');
    await visitor.page.locator('#attention').getByRole('link', { name: 'Review feed' }).click();
    await visitor.sees('Planned changes');
    const row = visitor.page.locator('#plan tr', { hasText: 'POSTER-A2' });
    assert.match(await row.innerText(), new RegExp(`${before} → ${before - 80}`));
    const run = visitor.path;
    await visitor.press('Accept feed…');
    await visitor.press('Cancel');
    await visitor.at(run);
    await visitor.press('Accept feed…');
    await visitor.press('Accept feed');
    await visitor.at('/inventory');
    await visitor.sees('Inventory synced.', '#note');
    assert.equal(await world.onHand('POSTER-A2'), before - 80);
    assert.equal(await visitor.page.locator('#held').count(), 0);
    await visitor.sees('held, then accepted', '#runs');
    await visitor.goto(run);
    await visitor.sees(/Accepted: run \d+ applied a new feed/);
    await visitor.goto('/');
    assert.doesNotMatch(await visitor.text('#attention'), /feed is held/);
});

browserTest('a quarantined feed is discarded, and an open page is updated', {}, async (visitor, world) => {
    await level(visitor, world, 80);
    const before = await world.onHand('POSTER-A2');
    await shelveAll(visitor, world, 0);
    const other = await visitor.context.newPage();
    await other.goto('/');
    await other.getByText('The inventory feed is held').waitFor();
    await other.evaluate(() => { globalThis.isTheSamePage = true; });

    await visitor.press('Discard feed…');
    await visitor.press('Discard feed');
    await visitor.sees('Feed discarded', '#note');
    await visitor.sees('held, then discarded', '#runs');
    assert.equal(await world.onHand('POSTER-A2'), before);
    await until('the other page shows no held feed', async () => !(await other.locator('#attention').innerText()).includes('feed is held'));
    assert.equal(await other.evaluate(() => globalThis.isTheSamePage), true, 'it was not reloaded');
});

browserTest('a level is explained', {}, async (visitor, world) => {
    await level(visitor, world, 40);
    const code = await world.hasStatus(await world.pay({ 'CAP-OLIVE': 3 }), 'success');
    await world.shelve('CAP-OLIVE', 41);
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    await visitor.page.getByLabel('Explain stock for SKU').fill(' CAP-OLIVE ');
    await visitor.press('Explain');
    await visitor.sees('Stock of CAP-OLIVE', 'h1');
    const lines = (await visitor.text('#now tbody')).split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
    const free = Number(lines[0].split(' ')[0]);
    const { AvailableQuantity: available } = (await world.sandbox('stock')).find(({ SKU }) => SKU === 'CAP-OLIVE');
    assert.equal(free, available);
    assert.match(lines[0], /available at VeraCore$/);
    assert.ok(lines[1].startsWith('+ ') && lines[1].includes(`${code}: 3`), lines[1]);
    assert.match(lines.at(-1), new RegExp(`^= ${free} available for sale, before Vendure.s own threshold$`));
    await visitor.sees('written', '#changes');
    await visitor.goto('/inventory/sku?sku=NO-SUCH-SKU');
    await visitor.sees('Stock cannot be calculated now');
});

browserTest('SKUs that match nothing are listed, and near misses with the line that helps', {}, async (visitor, world) => {
    await world.shelve('tote-navy', 5);
    await world.shelve('KEYRING', 5);
    await world.sell([['SCARF-GREY', 3100]]);
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    const row = visitor.page.locator('#sku-mismatches tbody tr', { hasText: 'tote-navy' });
    assert.deepEqual(await row.locator('code').allInnerTexts(), ['tote-navy', 'TOTE-NAVY', '"TOTE-NAVY" = "tote-navy"']);
    const [unmatched, missing] = [/no variant in Vendure/, /not in VeraCore's feed/].map((text) => visitor.page.locator('details', { hasText: text }));
    await unmatched.locator('summary').click();
    await unmatched.getByText('KEYRING', { exact: true }).waitFor();
    await missing.locator('summary').click();
    await missing.getByText('SCARF-GREY', { exact: true }).waitFor();
});

browserTest('packages are synced on request', {}, async (visitor, world) => {
    const code = await world.hasStatus(await world.pay({ 'MUG-BLUE': 2 }), 'success');
    await world.sandbox(`orders/${code}/ship`, 'POST', { packages: [{ tracking_number: '1Z999', carrier: 'UPS' }] });
    await visitor.goto('/inventory');
    await visitor.press('Sync tracking');
    await visitor.sees('fulfillments created: 1.', '#note');
    await visitor.goto(`/orders/${code}`);
    await visitor.sees('1Z999', '#parcels');
    await visitor.sees('fulfilled in Vendure', '#parcels');
    await visitor.sees(/Fulfillment \S+ created in Vendure/, '#timeline');
});
