//! The real program, as a process: signals, kills, replicas, commands.

mod breaker;
mod check;
mod commands;
mod crash;
mod crash_matrix;
mod credentials;
mod database;
mod dry_run;
mod health;
mod idle;
mod kill;
mod logs;
mod outage;
mod post_send;
mod refusals;
mod replicas;
mod restore;
mod schedule;
mod shell;
mod soak;
mod stock_and_tracking;
mod stop;
mod supervisor;
