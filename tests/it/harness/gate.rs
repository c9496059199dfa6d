//! A way to Postgres or the shop that can be closed and opened again, as when they go away.

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

/// Passes connections on while it is open.
pub struct Gate {
    url: Url,
    state: Arc<Mutex<State>>,
    silence: Arc<Silence>,
    posts: Arc<AtomicUsize>,
}

/// Whether what comes is kept back instead of being passed on.
#[derive(Default)]
struct Silence {
    on: Mutex<bool>,
    changed: Condvar,
}

struct State {
    open: bool,
    /// Both ends of what is connected.
    streams: Vec<TcpStream>,
}

impl Gate {
    /// An open gate before what is at `url`.
    pub fn before(url: &str) -> Self {
        let mut url: Url = url.parse().unwrap();
        let host = url.host_str().unwrap().to_owned();
        let target = (
            host,
            url.port()
                .expect("the tests' servers have ports of their own"),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own: SocketAddr = listener.local_addr().unwrap();
        url.set_ip_host(own.ip()).unwrap();
        url.set_port(Some(own.port())).unwrap();
        let state = Arc::new(Mutex::new(State {
            open: true,
            streams: Vec::new(),
        }));
        let silence = Arc::new(Silence::default());
        let (shared, still) = (Arc::clone(&state), Arc::clone(&silence));
        let posts = Arc::new(AtomicUsize::new(0));
        let (counted, uncounted) = (Arc::clone(&posts), Arc::new(AtomicUsize::new(0)));
        // Ends with the process, as every test has one of its own.
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut state = shared.lock().unwrap();
                // A closed gate hangs up at once.
                if state.open {
                    let client = client.unwrap();
                    let server = TcpStream::connect(&target).unwrap();
                    state.streams.push(client.try_clone().unwrap());
                    state.streams.push(server.try_clone().unwrap());
                    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    pass(from, to, Arc::clone(&still), Arc::clone(&counted));
                    pass(server, client, Arc::clone(&still), Arc::clone(&uncounted));
                }
            }
        });
        Self {
            url,
            state,
            silence,
            posts,
        }
    }

    /// How many POSTs came through.
    pub fn posts(&self) -> usize {
        self.posts.load(Ordering::Relaxed)
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Cuts every connection and lets nobody in.
    pub fn close(&self) {
        self.state.lock().unwrap().open = false;
        self.cut();
    }

    /// Cuts every connection; new ones are let in.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        for stream in state.streams.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn open(&self) {
        self.state.lock().unwrap().open = true;
    }

    /// Nothing is passed on any more, and nobody is told: connections stay as they are.
    pub fn fall_silent(&self) {
        *self.silence.on.lock().unwrap() = true;
    }

    /// What was kept back is passed on, and so is what comes.
    pub fn speak_again(&self) {
        *self.silence.on.lock().unwrap() = false;
        self.silence.changed.notify_all();
    }
}

/// Carries bytes one way until one of the ends is gone.
fn pass(mut from: TcpStream, mut to: TcpStream, silence: Arc<Silence>, posts: Arc<AtomicUsize>) {
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(some @ 1..) = from.read(&mut bytes) {
            if bytes.starts_with(b"POST ") {
                posts.fetch_add(1, Ordering::Relaxed);
            }
            let silent = silence.on.lock().unwrap();
            drop(silence.changed.wait_while(silent, |on| *on).unwrap());
            if to.write_all(&bytes[..some]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
