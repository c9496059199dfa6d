//! The sections of the configuration: settings that belong together, by type. The table says what
//! each is for.

pub mod database;
pub mod inventory;
pub mod maps;
pub mod orders;
pub mod schedule;
pub mod service;
pub mod vendure;
pub mod veracore;
