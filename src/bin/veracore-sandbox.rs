//! The sandbox as a program: its command line, and a line of output for each order and request.

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
    sandbox::{
        self, ArrivedOrder, LoggedRequest, Sandbox, SandboxConfig, SandboxEvent, UnknownOrder,
    },
};

/// A VeraCore simulator for testing: it accepts orders, keeps stock in memory, and ships or fails on
/// request.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on. The control API has no password: keep it on loopback or a private
    /// network.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// CompanyId that orders must have.
    #[arg(long, default_value = "sandbox-company")]
    company_id: String,
    /// Client id (REST) or user name (SOAP).
    #[arg(long, default_value = "sandbox-client")]
    client_id: String,
    /// Client secret (REST) or password (SOAP).
    #[arg(long, default_value = "sandbox-secret")]
    client_secret: String,
    /// Rows per page of a list; without it, lists are bare arrays.
    #[arg(long, value_parser = page_size)]
    page_size: Option<usize>,
    /// Lifetime of an access token.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    token_lifetime: u64,
    /// Prefix of all VeraCore paths, such as /v1.
    #[arg(long, default_value = "")]
    base_path: String,
    /// Accept HTTP Basic for getting a token only.
    #[arg(long)]
    no_basic: bool,
    /// Ignore `from` when listing shipments.
    #[arg(long)]
    ignore_from: bool,
    /// Omit optional fields from responses.
    #[arg(long)]
    sparse: bool,
    /// Time zone of dates in SOAP.
    #[arg(long, default_value = "America/Los_Angeles")]
    timezone: chrono_tz::Tz,
    /// Response of GetOrderInfo for an unknown order.
    #[arg(long, value_enum, default_value = "empty")]
    unknown_order: UnknownOrderArg,
    /// Omit void packages from GetShippingCharge.
    #[arg(long)]
    omit_void_charges: bool,
    /// Split stock between two warehouses in GetProductAvailabilities.
    #[arg(long)]
    two_warehouses: bool,
    /// Return all products for GetProductAvailabilities without a partNumber.
    #[arg(long)]
    all_parts: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum UnknownOrderArg {
    /// An empty OrdHead
    Empty,
    /// An OrdHead with default values: the year 1, zeros and false
    Blank,
    /// A SOAP fault
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
        _ => Err("must be a number of rows, 1 or more".into()),
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
            // If stderr is closed, too, there is nowhere to report it.
            let _ = writeln!(io::stderr(), "veracore-sandbox at {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: SandboxConfig) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let credentials = format!(
        "company {}, client {}",
        one_line(&config.company_id, 80),
        one_line(&config.client_id, 80)
    );
    let sandbox = sandbox::start(config, Arc::new(SystemClock)).await?;
    let mut events = sandbox.events();
    print_banner(&sandbox, &credentials);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(event) = events.recv() => match event {
                SandboxEvent::Order(order) => print_line(&format_order(&order)),
                SandboxEvent::Request(request) => print_line(&format_request(&request)),
            },
        }
    }
    sandbox.stop().await;
    print_line("stopped");
    Ok(())
}

fn print_banner(sandbox: &Sandbox, credentials: &str) {
    print_line(&format!("VeraCore sandbox ready: {}", sandbox.base_url()));
    print_line(&format!("  style oms: {}", sandbox.oms_url()));
    print_line(&format!("  {credentials}"));
    print_line(&format!("  control API: http://{}/sandbox", sandbox.addr()));
}

/// Ignores errors: a closed pipe must not stop the sandbox.
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
        None => line += " -> not executed",
    }
    if let Some(fault) = request.fault {
        line += &format!(" [fault {fault}]");
    }
    if request.dropped {
        line += " [response not delivered]";
    }
    line
}

/// The order's lines, without its address: personal data stays out of the output.
fn format_order(order: &ArrivedOrder) -> String {
    let items: Vec<String> = order
        .items
        .iter()
        .map(|item| format!("{} x {}", item.quantity, one_line(&item.sku, 80)))
        .collect();
    format!(
        "{} order {} received as {}: {}{}{}",
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
            " (recorded as another client's)"
        } else {
            ""
        },
    )
}
