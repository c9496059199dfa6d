//! Bounded concurrency.

use tokio::task::{JoinError, JoinSet};

use super::error::SyncError;
use crate::lifecycle::TaskGroup;

/// Works on the items in tasks of their own, up to `limit` at a time. Starts no more once `on_done`
/// returns an error or the process stops, but finishes those under way.
///
/// # Errors
/// The first error of `on_done`, or [`SyncError::Stopped`] if the stop left out an item.
pub(super) async fn for_each_bounded<Item, Work>(
    limit: usize,
    tasks: &TaskGroup,
    items: impl IntoIterator<Item = Item>,
    work: impl Fn(Item) -> Work,
    mut on_done: impl FnMut(Result<Work::Output, JoinError>) -> Result<(), SyncError>,
) -> Result<(), SyncError>
where
    Work: Future<Output: Send> + Send + 'static,
{
    let mut waiting = items.into_iter();
    let mut running = JoinSet::new();
    let mut failed = None;
    loop {
        while running.len() < limit.max(1) && failed.is_none() && !tasks.is_stopping() {
            let Some(item) = waiting.next() else { break };
            running.spawn(work(item));
        }
        let Some(done) = running.join_next().await else {
            break;
        };
        if let Err(error) = on_done(done) {
            failed.get_or_insert(error);
        }
    }
    match failed {
        Some(error) => Err(error),
        None if waiting.next().is_some() => Err(SyncError::Stopped),
        None => Ok(()),
    }
}
