//! A TCP proxy to Postgres or the shop that simulates outages.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use url::Url;

/// Forwards connections while it is open.
pub struct Proxy {
    url: Url,
    state: Arc<Mutex<State>>,
    stall: Arc<Stall>,
    posts: Arc<AtomicUsize>,
}

/// While on, bytes are held back and connections stay open.
#[derive(Default)]
struct Stall {
    on: Mutex<bool>,
    changed: Condvar,
}

struct State {
    open: bool,
    /// Both ends of each connection.
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// An open proxy to the server at `url`.
    pub fn to(url: &str) -> Self {
        let mut url: Url = url.parse().unwrap();
        let host = url.host_str().unwrap().to_owned();
        let target = (
            host,
            url.port().expect("the URL of a test server has a port"),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own: SocketAddr = listener.local_addr().unwrap();
        url.set_ip_host(own.ip()).unwrap();
        url.set_port(Some(own.port())).unwrap();
        let state = Arc::new(Mutex::new(State {
            open: true,
            streams: Vec::new(),
        }));
        let stall = Arc::new(Stall::default());
        let (shared, stalled) = (Arc::clone(&state), Arc::clone(&stall));
        let posts = Arc::new(AtomicUsize::new(0));
        let (counted, uncounted) = (Arc::clone(&posts), Arc::new(AtomicUsize::new(0)));
        // Runs until the process ends; nextest starts a process per test.
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut state = shared.lock().unwrap();
                // A closed proxy drops the connection at once.
                if state.open {
                    let client = client.unwrap();
                    let server = TcpStream::connect(&target).unwrap();
                    state.streams.push(client.try_clone().unwrap());
                    state.streams.push(server.try_clone().unwrap());
                    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    forward(from, to, Arc::clone(&stalled), Arc::clone(&counted));
                    forward(server, client, Arc::clone(&stalled), Arc::clone(&uncounted));
                }
            }
        });
        Self {
            url,
            state,
            stall,
            posts,
        }
    }

    /// The number of POST requests forwarded.
    pub fn posts(&self) -> usize {
        self.posts.load(Ordering::Relaxed)
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Drops every connection and refuses new ones.
    pub fn close(&self) {
        self.state.lock().unwrap().open = false;
        self.drop_connections();
    }

    /// Drops every connection, but accepts new ones.
    pub fn drop_connections(&self) {
        let mut state = self.state.lock().unwrap();
        for stream in state.streams.drain(..) {
            // It may have ended already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn open(&self) {
        self.state.lock().unwrap().open = true;
    }

    /// Holds back all bytes, but keeps connections open.
    pub fn stall(&self) {
        *self.stall.on.lock().unwrap() = true;
    }

    /// Forwards the bytes held back, and all later ones.
    pub fn resume(&self) {
        *self.stall.on.lock().unwrap() = false;
        self.stall.changed.notify_all();
    }
}

/// Forwards bytes in one direction until either end closes.
fn forward(mut from: TcpStream, mut to: TcpStream, stall: Arc<Stall>, posts: Arc<AtomicUsize>) {
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if bytes.starts_with(b"POST ") {
                posts.fetch_add(1, Ordering::Relaxed);
            }
            let on = stall.on.lock().unwrap();
            drop(stall.changed.wait_while(on, |on| *on).unwrap());
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
