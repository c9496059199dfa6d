//! The real program, as a process: signals, kills, replicas, commands.

mod kill;
mod replicas;
