'use strict';
// Settings: origins, masked secrets, and the pause.

const assert = require('node:assert/strict');

const { browserTest } = require('./visitor.cjs');
const { SECRETS, until } = require('./world.cjs');

const setting = async (visitor, key) => {
    const row = visitor.page.locator('#settings tbody tr', { has: visitor.page.getByText(key, { exact: true }) });
    const [value, from] = await row.locator('td').allInnerTexts();
    return { value, from };
};

browserTest('each setting is shown with its origin, and secrets are masked', {}, async (visitor, world) => {
    await visitor.goto('/settings');
    assert.deepEqual(await setting(visitor, 'VERACORE_COMPANY_ID'), { value: 'sandbox-company', from: 'environment' });
    assert.deepEqual(await setting(visitor, 'VERACORE_CLIENT_SECRET'), { value: '********', from: 'environment' });
    assert.deepEqual(await setting(visitor, 'VENDURE_PASSWORD'), { value: '********', from: 'environment' });
    assert.deepEqual(await setting(visitor, 'ORDER_SYNC_MAX_ATTEMPTS'), { value: '10', from: 'default' });
    assert.equal((await setting(visitor, 'VENDURE_API_KEY')).value, 'not set');
    assert.equal((await setting(visitor, 'VENDURE_CHANNEL_TOKEN')).value, world.name);
    const page = await visitor.page.content();
    for (const secret of SECRETS) assert.ok(!page.includes(secret), 'a secret is in the page');
});

browserTest('a pause stops everything, is shown everywhere, and ends', {}, async (visitor, world) => {
    await visitor.goto('/settings');
    const other = await visitor.context.newPage();
    await other.goto('/orders');
    const banner = (page) => page.locator('.banner', { hasText: 'Sync is paused' });
    assert.equal(await banner(other).count(), 0);
    await visitor.press('Pause');
    await visitor.sees('Sync pauses within seconds', '#note');
    await banner(other).waitFor();
    await banner(visitor.page).waitFor();
    await until('the page says that it is paused', async () => (await visitor.text('#sync .badge')) === 'paused');
    assert.deepEqual(await setting(visitor, 'SYNC_ENABLED'), { value: 'false', from: 'database' });

    const code = await world.pay({ 'MUG-RED': 1 });
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    assert.match(await visitor.text('#note'), /SYNC_ENABLED|paused|stands still/i);
    assert.equal(await world.status(code), undefined, 'no order is discovered during a pause');

    await visitor.goto('/settings');
    await visitor.press('Resume');
    await visitor.sees('Sync resumes within seconds', '#note');
    await until('the banner is gone', async () => (await banner(other).count()) + (await banner(visitor.page).count()) === 0);
    await until('the page says that it is running', async () => (await visitor.text('#sync .badge')) === 'running');
    await world.hasStatus(code, 'success');
});
