//! The playground: a relying party for trying passkeys by hand and for testing them by machine.
//!
//! It speaks plain HTTP on `http://localhost:PORT` (browsers treat localhost as a secure context), keeps everything in
//! memory and leaves all verification to webauthn-rs. Started as
//! `claviger-playground [--port PORT] [--record FILE]`; it prints its address as the first line and ends on Ctrl-C or
//! SIGTERM.

mod http;
mod record;
mod relying_party;

use std::{
    error::Error,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{net::TcpListener, signal::unix};

use crate::{http::Site, record::Recorder, relying_party::RelyingParty};

const USAGE: &str = "usage: claviger-playground [--port PORT] [--record FILE]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port))).await?;
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let site = Site {
        relying_party: Mutex::new(RelyingParty::new("localhost", &origin)?),
        recorder: arguments.record.as_deref().map(Recorder::create).transpose()?,
    };
    writeln!(std::io::stdout(), "{origin}")?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    axum::serve(listener, http::routes(Arc::new(site)))
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
                _ = terminate.recv() => (),
            }
        })
        .await?;
    Ok(())
}

struct Arguments {
    /// 0 lets the system choose.
    port: u16,
    record: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self {
            port: 8080,
            record: None,
        };
        while let Some(word) = words.next() {
            match (word.as_str(), words.next()) {
                ("--port", Some(port)) => arguments.port = port.parse().map_err(|_| format!("no port: {port}"))?,
                ("--record", Some(file)) => arguments.record = Some(file.into()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(arguments)
    }
}
