//! Notifications to a service manager (`NOTIFY_SOCKET`), and the health check for containers.

use std::path::PathBuf;

use tokio::net::UnixDatagram;

use crate::harness::{World, run_program};

/// The service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    received: Vec<String>,
}

impl Manager {
    fn new(world: &World) -> Self {
        // In the log folder, which is checked at the end.
        let path = world.logs().with_extension("notify");
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            path,
            received: Vec::new(),
        }
    }

    /// Waits for a line with this prefix.
    async fn wait_for_line(&mut self, words: &str) {
        let mut buffer = [0; 4096];
        loop {
            let hearing = self.socket.recv(&mut buffer);
            let length = tokio::time::timeout(std::time::Duration::from_secs(60), hearing).await;
            let length = length.unwrap_or_else(|_| panic!("no {words}: {:?}", self.received));
            let message = std::str::from_utf8(&buffer[..length.unwrap()]).unwrap();
            let lines: Vec<String> = message.lines().map(str::to_owned).collect();
            let is_it = lines.iter().any(|line| line.starts_with(words));
            self.received.extend(lines);
            if is_it {
                return;
            }
        }
    }

    fn count(&self, line: &str) -> usize {
        self.received
            .iter()
            .filter(|received| *received == line)
            .count()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[tokio::test]
async fn a_service_manager_is_notified_of_the_daemons_state() {
    let mut world = World::named("supervised").real_time().build().await;
    world.expect_error("database unavailable");
    let proxy = world.database_proxy();
    proxy.close();
    let mut manager = Manager::new(&world);
    let daemon = world
        .daemon()
        .with("DATABASE_URL", proxy.url())
        .with("NOTIFY_SOCKET", manager.path.to_str().unwrap())
        .with("WATCHDOG_USEC", "200000");
    let mut daemon = daemon.spawn();
    // An unavailable database does not delay the ready notification.
    manager.wait_for_line("READY=1").await;
    manager
        .wait_for_line("STATUS=waiting for the database")
        .await;
    assert_eq!(manager.count("READY=1"), 1);

    let listen = daemon.address().await.to_string();
    let mut env = world.environment();
    env.insert("HTTP_LISTEN".into(), listen.clone());
    let checked = run_program(env.clone(), &["healthcheck", "--json"]).await;
    assert_eq!(checked.success_json()["healthy"], true);

    proxy.open();
    manager.wait_for_line("STATUS=syncing with VeraCore").await;
    let before = manager.count("WATCHDOG=1");
    manager.wait_for_line("WATCHDOG=1").await;
    manager.wait_for_line("WATCHDOG=1").await;
    assert!(manager.count("WATCHDOG=1") >= before + 2);

    daemon.terminate();
    manager.wait_for_line("STOPPING=1").await;
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    assert_eq!(manager.count("READY=1"), 1, "{:?}", manager.received);
    let checked = run_program(env, &["healthcheck"]).await;
    assert_eq!(checked.status, 1, "{checked:?}");
    assert!(checked.stderr.contains(&listen), "{checked:?}");
    world.assert_settled().await;
}
