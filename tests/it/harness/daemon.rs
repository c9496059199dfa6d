//! The real program: as a daemon that can be killed, and as one-off commands.

use std::{
    collections::BTreeMap,
    fs::File,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

use super::{log, wait::until, world::World};

const PROGRAM: &str = env!("CARGO_BIN_EXE_veracore-sync");

/// Numbers the logs of a test's processes.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// The environment of a daemon to start.
pub struct DaemonBuilder<'a> {
    world: &'a World,
    env: BTreeMap<String, String>,
}

impl<'a> DaemonBuilder<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self {
            world,
            env: world.environment(),
        }
    }

    /// Changes a setting; an empty value unsets it.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        change(&mut self.env, &[(name, value)]);
        self
    }

    /// Starts the process without waiting for it.
    pub fn spawn(self) -> Daemon {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = self.world.logs().join(format!("daemon-{number:03}.log"));
        let errors = log.with_extension("err");
        let child = Command::new(PROGRAM)
            .arg("run")
            .env_clear()
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        Daemon { child, log, errors }
    }

    /// Starts the process and waits until it processes orders.
    pub async fn start(self) -> Daemon {
        let mut daemon = self.spawn();
        daemon.wait_for("VeraCore sync started").await;
        daemon
    }
}

/// A running daemon. Dropping it kills it.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    errors: PathBuf,
}

impl Daemon {
    /// The log so far.
    pub fn lines(&self) -> Vec<Value> {
        log::lines(&self.log)
    }

    /// The process's stderr.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }

    /// Waits for a log line whose message contains `text`.
    ///
    /// # Panics
    /// If the process ends without it.
    pub async fn wait_for(&mut self, text: &str) -> Value {
        let (log, errors) = (self.log.clone(), self.errors.clone());
        let child = &mut self.child;
        until(&format!("the daemon logs '{text}'"), || {
            let ended = child.try_wait().unwrap();
            let found = log::lines(&log)
                .into_iter()
                .find(|line| log::message(line).contains(text));
            let errors = &errors;
            async move {
                assert!(
                    found.is_some() || ended.is_none(),
                    "the daemon ended ({ended:?}) without '{text}': {}",
                    std::fs::read_to_string(errors).unwrap()
                );
                found
            }
        })
        .await
    }

    /// The address that the daemon listens on.
    pub async fn address(&mut self) -> SocketAddr {
        let line = self.wait_for("veracore-sync started").await;
        line["listen"].as_str().unwrap().parse().unwrap()
    }

    /// The resident memory in kB; `None` once the process has ended.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let kill = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
    }

    pub async fn wait_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the daemon ends", || {
            let ended = child.try_wait().unwrap();
            async move { ended }
        })
        .await
    }

    /// Sends SIGTERM and waits for a clean exit.
    pub async fn stop(mut self) {
        self.terminate();
        let status = self.wait_exit().await;
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a one-off command.
#[derive(Debug)]
pub struct Output {
    /// The exit status, or the signal that ended it as a negative number.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Stdout, which must be one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON document of a command that must have succeeded.
    pub fn success_json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        self.json()
    }
}

/// Runs a one-off command, in its own thread because the sandbox runs in this one.
pub async fn command(env: BTreeMap<String, String>, args: &[&str]) -> Output {
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    let run = move || {
        Command::new(PROGRAM)
            .args(args)
            .env_clear()
            .envs(env)
            .stdin(Stdio::null())
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output {
        status: output
            .status
            .code()
            .unwrap_or_else(|| -output.status.signal().unwrap()),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

pub fn change(env: &mut BTreeMap<String, String>, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        if value.is_empty() {
            env.remove(*name);
        } else {
            env.insert((*name).to_owned(), (*value).to_owned());
        }
    }
}
