//! The daemon as a separate process, and its resource usage.

use std::{
    fs::File,
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};
use veracore_sync::clock::{Clock as _, SystemClock};

use super::place::Place;

const PROGRAM: &str = env!("CARGO_BIN_EXE_veracore-sync");

/// The kernel reports CPU times in hundredths of a second.
const TICKS: f64 = 100.0;

pub struct Daemon {
    child: Child,
    log: PathBuf,
    /// Seconds from the start of the process until `/readyz` succeeds.
    pub ready_after: f64,
    address: String,
}

impl Daemon {
    /// Starts a daemon and waits until it is ready.
    pub async fn start(place: &Place, changes: &[(&str, &str)]) -> Self {
        let name = format!(
            "bench-daemon-{:x}.log",
            SystemClock.now().timestamp_micros()
        );
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let start = Instant::now();
        let child = Command::new(PROGRAM)
            .arg("run")
            .env_clear()
            .envs(place.environment(changes))
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut daemon = Self {
            child,
            log,
            ready_after: 0.0,
            address: String::new(),
        };
        loop {
            assert!(
                daemon.child.try_wait().unwrap().is_none(),
                "the daemon ended: {}",
                daemon.log.display()
            );
            if daemon.address.is_empty() {
                daemon.address = daemon.listens_at().unwrap_or_default();
            } else if daemon
                .get("/readyz")
                .await
                .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                daemon.ready_after = start.elapsed().as_secs_f64();
                return daemon;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The address from its log.
    fn listens_at(&self) -> Option<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let whole = log
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        whole
            .filter_map(|line| Some(line["listen"].as_str()?.to_owned()))
            .next()
    }

    pub async fn get(&self, path: &str) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
        self.exchange(request).await
    }

    /// Sends a GraphQL operation with `API_TOKEN`, and retries while the services behind the API are
    /// starting.
    pub async fn graphql(&self, token: &str, query: &str) -> String {
        loop {
            let answer = self.ask(token, query).await;
            if !answer.starts_with("HTTP/1.1 503") {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ask(&self, token: &str, query: &str) -> String {
        let body = serde_json::json!({ "query": query }).to_string();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.exchange(request).await.unwrap()
    }

    async fn exchange(&self, request: String) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// A figure of `/proc/…/status`, in MiB.
    fn memory(&self, name: &str) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024.0
    }

    /// Resident memory now, in MiB.
    pub fn resident(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// The peak resident memory, in MiB.
    pub fn peak(&self) -> f64 {
        self.memory("VmHWM:")
    }

    /// CPU time so far, in seconds.
    pub fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).unwrap();
        // The process name may contain spaces; field 3 is the first one after it.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |field: usize| fields[field - 3].parse::<f64>().unwrap();
        (ticks(14) + ticks(15)) / TICKS
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn stop(mut self) {
        let kill = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        while self.child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = std::fs::remove_file(&self.log);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
