//! The sandbox as a program: a warehouse to rehearse against, and a line for each thing that
//! happens at it.
//!
//! Owns its command line and its output. Must not hold any behaviour of the sandbox itself.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use veracore_sync::{
    clock::SystemClock,
    domain::text::one_line,
    sandbox::{self, ArrivedOrder, LoggedRequest, News, Sandbox, SandboxConfig, UnknownOrder},
};

/// A stand-in for VeraCore, in memory, to rehearse with: it takes orders, keeps stock, ships when
/// told to, and fails when told to.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen. The control API has no password: think before leaving loopback.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The CompanyId that orders must carry.
    #[arg(long, default_value = "sandbox-company")]
    company_id: String,
    #[arg(long, default_value = "sandbox-client")]
    client_id: String,
    #[arg(long, default_value = "sandbox-secret")]
    client_secret: String,
    /// Lists in pages of so many rows; without it they are bare arrays.
    #[arg(long, value_parser = page_size)]
    page_size: Option<usize>,
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    token_lifetime: u64,
    /// A path before every path of VeraCore, such as /v1.
    #[arg(long, default_value = "")]
    base_path: String,
    /// Refuse HTTP Basic except for a token.
    #[arg(long)]
    no_basic: bool,
    /// Read `from` of the shipments and ignore it.
    #[arg(long)]
    ignore_from: bool,
    /// Leave optional fields out of answers.
    #[arg(long)]
    sparse: bool,
    /// The zone of SOAP's dates.
    #[arg(long, default_value = "America/Los_Angeles")]
    timezone: chrono_tz::Tz,
    /// What GetOrderInfo says of an order that is not there.
    #[arg(long, value_enum, default_value = "empty")]
    unknown_order: UnknownOrderArg,
    /// Leave void packages out of GetShippingCharge.
    #[arg(long)]
    omit_void_charges: bool,
    /// Tell stock in two parts in GetProductAvailabilities.
    #[arg(long)]
    two_warehouses: bool,
    /// Take GetProductAvailabilities without a partNumber as a wish for all.
    #[arg(long)]
    all_parts: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum UnknownOrderArg {
    /// An empty OrdHead
    Empty,
    /// An OrdHead with the year 1, zeros and false
    Blank,
    /// A fault
    Fault,
}

impl From<UnknownOrderArg> for UnknownOrder {
    fn from(unknown: UnknownOrderArg) -> Self {
        match unknown {
            UnknownOrderArg::Empty => Self::Empty,
            UnknownOrderArg::Blank => Self::Blank,
            UnknownOrderArg::Fault => Self::Fault,
        }
    }
}

fn page_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size) if size > 0 => Ok(size),
        _ => Err("a number of rows, 1 or more".into()),
    }
}

impl Arguments {
    fn into_config(self) -> SandboxConfig {
        SandboxConfig {
            base_path: self.base_path,
            company_id: self.company_id,
            client_id: self.client_id,
            client_secret: self.client_secret,
            token_lifetime: Duration::from_secs(self.token_lifetime),
            basic: !self.no_basic,
            page_size: self.page_size,
            ignore_from: self.ignore_from,
            sparse: self.sparse,
            timezone: self.timezone,
            unknown_order: self.unknown_order.into(),
            omit_void_charges: self.omit_void_charges,
            two_warehouses: self.two_warehouses,
            all_parts: self.all_parts,
            listen: self.listen,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let config = Arguments::parse().into_config();
    let listen = config.listen;
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when stderr is gone too.
            let _ = writeln!(io::stderr(), "veracore-sandbox at {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: SandboxConfig) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let greeting = format!(
        "company {}, client {}",
        one_line(&config.company_id, 80),
        one_line(&config.client_id, 80)
    );
    let sandbox = sandbox::start(config, Arc::new(SystemClock)).await?;
    let mut news = sandbox.news();
    print_banner(&sandbox, &greeting);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(event) = news.recv() => match event {
                News::Order(order) => print_line(&format_order(&order)),
                News::Request(request) => print_line(&format_request(&request)),
            },
        }
    }
    sandbox.stop().await;
    print_line("stopped");
    Ok(())
}

fn print_banner(sandbox: &Sandbox, who: &str) {
    print_line(&format!("VeraCore sandbox ready: {}", sandbox.base_url()));
    print_line(&format!("  style oms: {}", sandbox.oms_url()));
    print_line(&format!("  {who}"));
    print_line(&format!("  control API: http://{}/sandbox", sandbox.addr()));
}

/// A reader that went away, such as a closed pipe, must not end the rehearsal.
fn print_line(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn format_request(request: &LoggedRequest) -> String {
    let mut line = format!(
        "{} {} {}",
        request.at.format("%H:%M:%S%.3f"),
        one_line(&request.method, 20),
        one_line(&request.path, 200),
    );
    if let Some(query) = &request.query {
        line += &format!("?{}", one_line(query, 200));
    }
    if let Some(operation) = &request.operation {
        line += &format!(" {}", one_line(operation, 80));
    }
    match request.status {
        Some(status) => line += &format!(" -> {status}"),
        None => line += " -> not done",
    }
    if let Some(fault) = request.fault {
        line += &format!(" [fault {fault}]");
    }
    if request.dropped {
        line += " [no answer reached the client]";
    }
    line
}

/// What and how much, but not for whom: an order's address stays out of the output.
fn format_order(order: &ArrivedOrder) -> String {
    let items: Vec<String> = order
        .items
        .iter()
        .map(|item| format!("{} x {}", item.quantity, one_line(&item.sku, 80)))
        .collect();
    format!(
        "{} order {} arrived as {}: {}{}{}",
        order.received_at.format("%H:%M:%S%.3f"),
        one_line(&order.number, 80),
        order.order_id,
        items.join(", "),
        if order.backordered {
            " (backordered)"
        } else {
            ""
        },
        if order.foreign {
            " (recorded as somebody else's)"
        } else {
            ""
        },
    )
}
