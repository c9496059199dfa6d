//! Start, drain, stop: the tasks of the process, its heartbeats, stop signals and the service manager.

mod heartbeat;
mod service_notifier;
mod signals;
mod tasks;

pub use heartbeat::Heartbeat;
pub use service_notifier::ServiceNotifier;
pub use signals::StopSignals;
pub use tasks::{DrainOutcome, TaskGroup};
