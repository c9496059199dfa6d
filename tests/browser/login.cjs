'use strict';
// Login, sessions and permissions.

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');

const { browserTest } = require('./visitor.cjs');
const { until } = require('./world.cjs');

const STRANGER = { as: undefined };
const COOKIE = 'veracore_sync_session';

const session = async (visitor) => (await visitor.context.cookies()).find(({ name }) => name === COOKIE);

// Expires the session, as if the browser had been idle for too long.
async function expire(visitor, world) {
    const { value } = await session(visitor);
    const digest = createHash('sha256').update(Buffer.from(value, 'base64url')).digest('hex');
    const [gone] = await world.sql(`update veracore_web_session set used_at = now() - interval '31 minutes' where digest = '${digest}' returning 1`);
    assert.equal(gone, '1', 'the session exists');
}

browserTest('a login leads to the requested page, and a logout ends the session', STRANGER, async (visitor) => {
    await visitor.goto('/orders?status=error');
    await visitor.at('/login?next=%2Forders%3Fstatus%3Derror');
    await visitor.logIn('ops');
    await visitor.at('/orders?status=error');
    assert.equal(await visitor.page.locator('#status').inputValue(), 'error');
    const { httpOnly, sameSite, expires } = await session(visitor);
    assert.deepEqual({ httpOnly, sameSite, expires }, { httpOnly: true, sameSite: 'Strict', expires: -1 });

    await visitor.press('Log out');
    await visitor.at('/login');
    assert.equal(await session(visitor), undefined);
    await visitor.page.goBack();
    await visitor.at(/^\/login/);
    await visitor.goto('/settings');
    await visitor.at('/login?next=%2Fsettings');
});

browserTest('a wrong password is refused', STRANGER, async (visitor, world) => {
    await visitor.logIn('ops', 'not the password');
    await visitor.sees('Vendure does not accept this name and password.', '[role=alert]');
    assert.equal(await session(visitor), undefined);
    assert.equal(await visitor.page.getByLabel('Name').inputValue(), world.people.ops, 'the name is kept');
    assert.equal(await visitor.page.getByLabel('Password').inputValue(), '');
    visitor.expected(401);
    await visitor.logIn('ops');
    await visitor.at('/');
});

browserTest('a user without ReadOrder sees the missing permission', STRANGER, async (visitor) => {
    await visitor.logIn('stranger');
    await visitor.sees('your role lacks the permission ReadOrder', '[role=alert]');
    assert.equal(await session(visitor), undefined);
    visitor.expected(403);
});

browserTest('after a session has expired, the next click leads to the login and then to the requested page', STRANGER, async (visitor, world) => {
    await visitor.logIn('ops');
    await visitor.sees('Connections');
    await expire(visitor, world);
    await visitor.press('Inventory');
    await visitor.at('/login?next=%2Finventory');
    assert.equal(await session(visitor), undefined);
    await visitor.logIn('ops');
    await visitor.at('/inventory');
});

browserTest('an open page notices that its session has expired', STRANGER, async (visitor, world) => {
    await visitor.goto('/orders?search=x');
    await visitor.logIn('ops');
    await visitor.at('/orders?search=x');
    await until('the page listens', async () => visitor.streams > 0);
    await expire(visitor, world);
    await world.pay({ 'MUG-BLUE': 1 });
    await visitor.at('/login?next=%2Forders%3Fsearch%3Dx');
});

browserTest('a read-only user sees no buttons, and actions are refused', STRANGER, async (visitor, world) => {
    const code = await world.payRefused('No such offer.');
    await visitor.goto(`/orders/${code}`);
    await visitor.logIn('reader');
    await visitor.sees('your role in Vendure needs UpdateOrder');
    const pages = [`/orders/${code}`, '/inventory', '/settings'];
    for (const where of pages) {
        await visitor.goto(where);
        const offered = await visitor.page.locator('main').locator('button, a.button').allInnerTexts();
        assert.deepEqual(offered, where === '/inventory' ? ['Explain'] : [], where);
    }
    await visitor.sees('your role in Vendure needs UpdateSettings');

    const token = await visitor.page.locator('[name=form_token]').first().inputValue();
    const actions = ['skip', 'retry', 'send'].map((name) => `/orders/${code}/${name}`);
    for (const where of [...actions, '/inventory/sync', '/tracking/sync', '/inventory/runs/1/accept', '/settings/pause']) {
        const answer = await visitor.context.request.post(where, { form: { form_token: token }, maxRedirects: 0 });
        assert.equal(answer.status(), 403, where);
    }
    assert.equal(await world.status(code), 'error');
    await visitor.goto(`/orders/${code}/skip`);
    await visitor.sees('lacks the permission UpdateOrder');
    visitor.expected(403);
    await world.heal();
});
