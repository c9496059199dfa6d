//! A way to Postgres or the shop that can be closed and opened again, as when they go away.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use url::Url;

/// Passes connections on while it is open.
pub struct Gate {
    url: Url,
    state: Arc<Mutex<State>>,
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
        let shared = Arc::clone(&state);
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
                    pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                    pass(server, client);
                }
            }
        });
        Self { url, state }
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Cuts every connection and lets nobody in.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap();
        state.open = false;
        for stream in state.streams.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn open(&self) {
        self.state.lock().unwrap().open = true;
    }
}

/// Carries bytes one way until one of the ends is gone.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
