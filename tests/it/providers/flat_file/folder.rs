//! Files on disk: atomic writes, bounded reads, and safe file names.
//!
//! Decides the class of a failure at each step of a write (I1, I3).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use veracore_sync::{
    domain::{OrderCode, text::one_line},
    fulfillment::ProviderError,
    http::{CallError, CallErrorKind},
};

use super::NAME;

/// The maximum size of a file, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// The maximum length of a file name, without the suffix.
const LONGEST_NAME: usize = 200;

/// Dots are excluded, so that no name is hidden, `.` or `..`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The unique file name for an order number.
pub fn file_name(number: &OrderCode) -> Result<String, ProviderError> {
    let name = utf8_percent_encode(number.as_str(), PLAIN).to_string();
    if name.len() > LONGEST_NAME {
        return Err(ProviderError::NotSendable {
            problem: format!(
                "the order number becomes a file name of {} bytes, of which {LONGEST_NAME} are possible",
                name.len()
            ),
        });
    }
    Ok(format!("{name}.json"))
}

/// A step of writing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Writes a temporary file.
    Write,
    /// Links it to its final name; from here on, it counts.
    Link,
    /// Syncs the folder, so that the file survives a power failure.
    Settle,
}

/// An injected failure of the next step of this kind.
#[derive(Debug, Clone, Copy)]
pub struct StepFailure {
    pub folder: &'static str,
    pub step: Step,
    /// Whether the step is executed although it fails.
    pub done: bool,
}

pub enum Placed {
    New,
    There,
}

pub struct Folder {
    root: PathBuf,
    drafts: AtomicU64,
    pub links: AtomicUsize,
    pub failure: Mutex<Option<StepFailure>>,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            drafts: AtomicU64::new(0),
            links: AtomicUsize::new(0),
            failure: Mutex::default(),
        }
    }

    /// Creates a file atomically, unless it exists. Does not retry.
    pub fn place(
        &self,
        operation: &'static str,
        place: &str,
        name: &str,
        text: &[u8],
    ) -> Result<Placed, CallError> {
        let folder = self.root.join(place);
        // A leftover of a crash does not end in `.json`.
        let draft = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = folder.join(format!("{name}.{}-{draft}.part", std::process::id()));
        let written = self.at(place, Step::Write, || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&draft)?;
            file.write_all(text)?;
            file.sync_all()
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&draft);
            // Nobody can have read it, so it was certainly not sent.
            return Err(away(operation, &error));
        }
        self.links.fetch_add(1, Ordering::Relaxed);
        // Unlike a rename, a link never replaces an existing file.
        let linked = self.at(place, Step::Link, || {
            fs::hard_link(&draft, folder.join(name))
        });
        let _ = fs::remove_file(&draft);
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Placed::There),
            // A file server may execute it and lose the response.
            Err(error) => return Err(unknown(operation, &error.to_string())),
        }
        self.at(place, Step::Settle, || File::open(&folder)?.sync_all())
            .map_err(|error| unknown(operation, &error.to_string()))?;
        Ok(Placed::New)
    }

    /// Reads a file; `None` only if the folder exists and the file does not.
    pub fn read(
        &self,
        operation: &'static str,
        folder: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let folder = self.root.join(folder);
        match self.bytes(operation, folder.join(name)) {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound && folder.is_dir() => Ok(None),
            Ok(Err(error)) => Err(away(operation, &error)),
            Err(error) => Err(error),
        }
    }

    /// Reads a list, which must exist.
    pub fn read_list(&self, operation: &'static str, name: &str) -> Result<Vec<u8>, CallError> {
        let bytes = self.bytes(operation, self.root.join(name))?;
        bytes.map_err(|error| away(operation, &error))
    }

    fn bytes(
        &self,
        operation: &'static str,
        path: PathBuf,
    ) -> Result<io::Result<Vec<u8>>, CallError> {
        let mut bytes = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        if bytes.len() as u64 > MAX_BYTES {
            return Err(CallError::new(
                NAME,
                operation,
                CallErrorKind::TooLarge {
                    limit: usize::try_from(MAX_BYTES).unwrap(),
                },
            ));
        }
        Ok(read.map(|_| bytes))
    }

    fn at(&self, place: &str, step: Step, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let failure = {
            let mut next = self.failure.lock().unwrap();
            next.take_if(|failure| (failure.folder, failure.step) == (place, step))
        };
        match failure {
            None => work(),
            Some(failure) => {
                if failure.done {
                    work()?;
                }
                Err(io::Error::other("the disk says no"))
            }
        }
    }
}

/// The files are unreachable; nothing was done.
fn away(operation: &'static str, error: &io::Error) -> CallError {
    CallError::new(
        NAME,
        operation,
        CallErrorKind::Connect {
            detail: one_line(&error.to_string(), 200),
        },
    )
}

/// The write may have been done.
pub fn unknown(operation: &'static str, detail: &str) -> CallError {
    CallError::new(
        NAME,
        operation,
        CallErrorKind::ConnectionLost {
            detail: one_line(detail, 200),
        },
    )
}

/// The content is malformed; `detail` must not quote it.
pub fn malformed(operation: &'static str) -> impl Fn(String) -> CallError {
    move |detail| CallError::new(NAME, operation, CallErrorKind::Malformed { detail })
}
