//! Orders on their way from the shop to VeraCore, with nothing going wrong but what the test says.

mod arrive;
