'use strict';
// All browser tests, sequentially: they share a daemon, and some pause it. Run them with
// scripts/test-browser.

const { after, before } = require('node:test');

const { close, open } = require('./visitor.cjs');

before(open, { timeout: 90_000 });
after(close, { timeout: 30_000 });

// Each may need data of the tests before it, but must not rely on its state.
require('./looks.cjs');
require('./login.cjs');
require('./orders.cjs');
require('./inventory.cjs');
require('./settings.cjs');
require('./forms.cjs');
