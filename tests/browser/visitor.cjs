'use strict';
// A user with a browser: opens pages, fails on console errors, and saves a screenshot when a test
// fails.
//
// Environment: MODULES (the folder that `install` printed), CHROMIUM (the browser's executable).

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { test } = require('node:test');

const { OUT, PASSWORD, World, until } = require('./world.cjs');

const { MODULES, CHROMIUM = '/usr/bin/chromium' } = process.env;
// With DRAFT=1, the assets of the working tree are used instead of the daemon's.
const DRAFT = process.env.DRAFT === '1';
const asset = (url) => path.resolve(__dirname, `../../src/web/dashboard/assets/app${path.extname(url)}`);
const requireFrom = createRequire(path.resolve(MODULES || '.', 'package.json'));

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 375, height: 812 };

// Shared by all tests, from `open` to `close`.
const stage = { world: null, browser: null, axe: null };

async function open() {
    const { chromium } = requireFrom('playwright-core');
    stage.axe = fs.readFileSync(requireFrom.resolve('axe-core/axe.min.js'), 'utf8');
    const isRoot = process.getuid() === 0;
    // Chromium's own sandbox does not work for root.
    stage.browser = await chromium.launch({ executablePath: CHROMIUM, args: isRoot ? ['--no-sandbox'] : [] });
    stage.world = await World.make();
    // All tests that are not about the login share this session.
    const visitor = await Visitor.open({});
    await visitor.logIn('ops');
    stage.session = await visitor.context.storageState();
    await visitor.leave();
}

async function close() {
    // If `open` failed half-way, what it started would keep this process alive.
    setTimeout(() => process.exit(1), 15_000).unref();
    if (stage.browser) await stage.browser.close();
    if (stage.world) assert.equal(await stage.world.close(), 0, "the daemon's exit status");
}

class Visitor {
    // `options` are Playwright's for a context; `as`: the user logged in already (`ops` or none).
    static async open({ as, ...options }) {
        const visitor = new Visitor();
        visitor.problems = [];
        // The number of event streams opened by this visitor's pages.
        visitor.streams = 0;
        visitor.context = await stage.browser.newContext({
            baseURL: stage.world.url, viewport: WIDE, locale: 'en-US', reducedMotion: 'reduce', storageState: as ? stage.session : undefined,
            ...options,
        });
        visitor.context.setDefaultTimeout(10_000);
        visitor.context.on('page', (page) => visitor.listenTo(page));
        if (DRAFT) await visitor.context.route(/\/assets\/app-/, (route) => route.fulfill({ path: asset(route.request().url()) }));
        visitor.page = await visitor.context.newPage();
        return visitor;
    }

    // Records every error and warning of a page.
    listenTo(page) {
        page.on('console', (message) => {
            if (['error', 'warning'].includes(message.type())) this.problems.push(`${page.url()}: ${message.text()}`);
        });
        page.on('pageerror', (error) => this.problems.push(`${page.url()}: ${error.message}`));
        page.on('response', (response) => {
            if (new URL(response.url()).pathname === '/live' && response.ok()) this.streams += 1;
        });
    }

    // Accepts the browser's error about a page that was expected to be refused.
    expected(status) {
        const of = (problem) => problem.includes(`the server responded with a status of ${status}`);
        assert.ok(this.problems.some(of), `a page with status ${status} was seen: ${this.problems.join('; ') || 'no error'}`);
        this.problems = this.problems.filter((problem) => !of(problem));
    }

    async logIn(person, password = PASSWORD) {
        if (!this.page.url().includes('/login')) await this.page.goto('/login');
        await this.page.getByLabel('Name').fill(stage.world.people[person] || person);
        await this.page.getByLabel('Password').fill(password);
        await this.page.getByRole('button', { name: 'Log in' }).click();
    }

    async goto(where) {
        return this.page.goto(where);
    }

    // The current path and query.
    get path() {
        const { pathname, search } = new URL(this.page.url());
        return pathname + search;
    }

    async at(where) {
        await until(`the visitor is at ${where}`, () => (where instanceof RegExp ? where.test(this.path) : this.path === where));
    }

    // Clicks a link or button by its text.
    async press(words) {
        const exact = { name: words, exact: true };
        await this.page.getByRole('button', exact).or(this.page.getByRole('link', exact)).first().click();
    }

    async sees(text, within = 'body') {
        await this.page.locator(within).getByText(text).first().waitFor();
    }

    async text(selector = 'main') {
        return this.page.locator(selector).first().innerText();
    }

    // The page's message about the last action.
    async note() {
        return this.text('#note');
    }

    // Sets a marker that a reload of the page would remove.
    async mark() {
        await this.page.evaluate(() => { globalThis.isTheSamePage = true; });
    }

    async assertNotReloaded() {
        assert.equal(await this.page.evaluate(() => globalThis.isTheSamePage), true, 'the page was reloaded');
    }

    // Everything that axe finds, of any impact; `rules` limits the rules.
    async violations(rules) {
        // Evaluated, because the content security policy forbids adding a script element.
        if (!await this.page.evaluate(() => 'axe' in globalThis)) await this.page.evaluate(stage.axe);
        const { violations } = await this.page.evaluate((values) => globalThis.axe.run(document, {
            resultTypes: ['violations'], ...(values && { runOnly: { type: 'rule', values } }),
        }), rules);
        return violations.map(({ id, impact, help, nodes }) => (
            `${impact}: ${id}: ${help}\n${nodes.map(({ target, failureSummary }) => `    ${target}: ${failureSummary}`).join('\n')}`
        ));
    }

    async assertFits() {
        const { needed, available } = await this.page.evaluate(() => ({ needed: document.documentElement.scrollWidth, available: innerWidth }));
        assert.ok(needed <= available, `${this.path} needs ${needed} pixels in width; ${available} are available`);
    }

    // Saves screenshots and prints the text of all pages.
    async remember(name) {
        const file = path.join(OUT, name.replace(/[^a-z0-9]+/gi, '-').toLowerCase());
        for (const [at, page] of this.context.pages().entries()) {
            await page.screenshot({ path: `${file}-${at}.png`, fullPage: true, timeout: 5000 }).catch(() => {});
            const text = await page.locator('body').innerText({ timeout: 2000 }).catch((error) => error.message);
            process.stderr.write(`--- ${page.url()} (screenshot: ${file}-${at}.png)\n${text}\n---\n`);
        }
    }

    async leave() {
        await this.context.close();
        assert.deepEqual(this.problems, [], 'errors in the console');
    }
}

// A test with its own visitor. `options`: see `Visitor.open`.
function browserTest(name, options, work) {
    test(name, { timeout: 60_000 }, async () => {
        const visitor = await Visitor.open({ as: 'ops', ...options });
        try {
            await work(visitor, stage.world);
        } catch (error) {
            await visitor.remember(name);
            await visitor.context.close();
            throw error;
        }
        await visitor.leave();
    });
}

module.exports = { PHONE, Visitor, WIDE, browserTest, close, open, stage };
