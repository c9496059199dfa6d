//! The real program, as a process: signals, kills, replicas, commands.

mod aftercare;
mod back;
mod breaker;
mod check;
mod commands;
mod crash;
mod credentials;
mod database;
mod deaths;
mod dry_run;
mod health;
mod idle;
mod kill;
mod logs;
mod outage;
mod refusals;
mod replicas;
mod restore;
mod schedule;
mod shell;
mod soak;
mod stop;
mod supervisor;
