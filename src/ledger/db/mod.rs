//! The connection to Postgres: pool, notifications, migrations, errors.

pub(super) mod error;
pub(super) mod migrate;
pub(super) mod notify;
pub(super) mod pool;
