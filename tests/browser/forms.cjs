'use strict';
// Attacks on the dashboard: from other sites, and by the texts that it shows.

const assert = require('node:assert/strict');
const { createServer } = require('node:http');

const { Visitor, browserTest } = require('./visitor.cjs');

browserTest('a form without its token does nothing', {}, async (visitor, world) => {
    const code = await world.payRefused('No such offer.');
    const where = `/orders/${code}/skip`;
    const other = await Visitor.open({});
    await other.logIn('ops');
    const foreign = await other.page.locator('[name=form_token]').first().inputValue();
    await other.leave();
    for (const form of [{}, { form_token: '' }, { form_token: 'x'.repeat(24) }, { form_token: foreign }]) {
        const answer = await visitor.context.request.post(where, { form, maxRedirects: 0 });
        assert.equal(answer.status(), 403, JSON.stringify(form));
    }
    // The same in a page.
    await visitor.goto(where);
    await visitor.page.locator('main [name=form_token]').evaluate((field) => { field.value = 'wrong'; });
    await visitor.page.getByRole('button', { name: 'Skip' }).click();
    await visitor.sees('The form belongs to another session. No action was taken');
    visitor.expected(403);
    // A valid form from another site.
    const form_token = await (async () => {
        await visitor.goto(where);
        return visitor.page.locator('main [name=form_token]').inputValue();
    })();
    const answer = await visitor.context.request.post(where, { form: { form_token }, headers: { 'sec-fetch-site': 'cross-site' }, maxRedirects: 0 });
    assert.equal(answer.status(), 403);
    assert.equal(await world.status(code), 'error');
    await world.heal();
});

// A site with another host name that links to the dashboard.
async function otherSite(html, work) {
    const server = createServer((_, answer) => {
        answer.setHeader('content-type', 'text/html');
        answer.end(`<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Another site</title>${html}`);
    });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    try {
        await work(`http://localhost:${server.address().port}/`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
}

browserTest('a link on another site works, but a form on another site does nothing', {}, async (visitor, world) => {
    const code = await world.payRefused('No such offer.');
    const html = `<a href="${world.url}/orders/${code}?a=1&amp;b=%22">the order</a>
        <form method="post" action="${world.url}/orders/${code}/skip"><button>Win</button></form>`;
    await otherSite(html, async (address) => {
        await visitor.goto(address);
        await visitor.press('the order');
        await visitor.at(`/orders/${code}?a=1&b=%22`);
        await visitor.sees('Failed attempts');
        await visitor.goto(address);
        await visitor.press('Win');
        await visitor.page.waitForURL(`${world.url}/**`);
        await visitor.sees('The form was sent from another site. No action was taken.');
        visitor.expected(403);
        assert.equal(await world.status(code), 'error');
        // The session is still valid.
        await visitor.goto('/orders');
        await visitor.at('/orders');
    });
    await world.heal();
});

browserTest('texts from outside are shown as text', {}, async (visitor, world) => {
    const evil = '<img src=x onerror="isHacked=1"><script>isHacked=1</script>';
    const code = await world.payRefused(`${evil} & "quotes"`);
    await world.sell([[`</td>${evil}`, 100]]);
    await world.shelve(`</TD>${evil}`, 7);
    await world.shelve(`">${evil}`, 7);
    await visitor.goto('/inventory');
    await visitor.press('Sync inventory');
    const assertHarmless = async () => {
        assert.equal(await visitor.page.evaluate(() => globalThis.isHacked), undefined, visitor.path);
        assert.equal(await visitor.page.locator('img, main script').count(), 0, visitor.path);
    };
    await visitor.page.locator('details', { hasText: 'no variant in Vendure' }).locator('summary').click();
    await visitor.sees(`">${evil}`, '#sku-mismatches');
    await visitor.sees(`</td>${evil}`, '#sku-mismatches table');
    await assertHarmless();
    await visitor.goto(`/orders/${code}`);
    await visitor.sees(`${evil} & "quotes"`, '#why');
    await visitor.sees(evil, '#timeline');
    await assertHarmless();
    await visitor.goto('/orders?status=error');
    await visitor.sees(evil, '#list');
    await assertHarmless();
    await visitor.goto(`/orders?search=${encodeURIComponent(`">${evil}`)}`);
    assert.equal(await visitor.page.getByRole('searchbox').inputValue(), `">${evil}`);
    await assertHarmless();
    await visitor.goto(`/inventory/sku?sku=${encodeURIComponent(evil)}`);
    await visitor.sees(`Stock of ${evil}`, 'h1');
    await assertHarmless();
    // Live updates are inserted by our script.
    await visitor.goto('/orders');
    await visitor.mark();
    await world.sql(`update veracore_order_sync set error_message = 'now: ${evil}', updated_at = now() where vendure_order_code = '${code}'`);
    await visitor.sees(`now: ${evil}`, '#list');
    await visitor.assertNotReloaded();
    await assertHarmless();
    await world.heal();
});
