//! The sections of the configuration: typed settings that belong together, and the rules between
//! them.

pub mod database;
pub mod inventory;
pub mod maps;
pub mod oms;
pub mod orders;
pub mod schedule;
pub mod service;
pub mod vendure;
pub mod veracore;
