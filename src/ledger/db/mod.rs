//! The connection to Postgres: pool, notifications, migrations, errors.

pub(super) mod error;
pub(super) mod lease_time;
mod listen;
pub(super) mod migrate;
pub(super) mod notify;
pub(super) mod pool;
pub(super) mod rows;
