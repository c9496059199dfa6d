'use strict';
// All browser tests, one after the other: they share a daemon, and some stop it for a moment.
// scripts/test-browser starts what they need.

const { after, before } = require('node:test');

const { close, open } = require('./visitor.cjs');

before(open, { timeout: 90_000 });
after(close, { timeout: 30_000 });

// Each may rely on what is before it being there, and on nothing of it being as it was.
require('./looks.cjs');
require('./login.cjs');
require('./orders.cjs');
require('./inventory.cjs');
require('./settings.cjs');
require('./forms.cjs');
