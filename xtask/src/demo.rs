//! `cargo xtask demo`: Sluice in front of the stand-in, with data to try it on.

use crate::{Step, assets, hex, proc, proc::Beside, root, target};
use clap::Args;
use std::{
    fs,
    io::Read,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Command,
    sync::mpsc,
    time::Duration,
};

/// Flags of the demo.
#[derive(Args)]
pub(crate) struct Demo {
    /// Port of Sluice.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Domains of the stand-in.
    #[arg(long, default_value_t = 10_000)]
    domains: usize,
    /// Milliseconds that the stand-in takes for each answer.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Build and run the release binary.
    #[arg(long)]
    release: bool,
}

impl Demo {
    pub(crate) fn run(self) -> Step {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        TcpListener::bind(address)
            .map_err(|error| format!("{address} cannot be used: {error}. Choose another with --port."))?;
        assets::build()?;
        proc::build_both(self.release)?;

        let folder = root().join("target/demo");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let kek = folder.join("kek");
        make_kek(&kek)?;
        let bin = target().join(if self.release { "release" } else { "debug" });
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, proc::free_port()?));
        let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, proc::free_port()?));

        let (stop, stopped) = mpsc::channel();
        ctrlc::set_handler(move || {
            let _ = stop.send(());
        })
        .map_err(|error| error.to_string())?;

        let mut sandbox = Beside::start(
            Command::new(bin.join("mailchannels-sandbox"))
                .args(["--listen", &upstream.to_string(), "--dns", &dns.to_string(), "--seed", "demo"])
                .args(["--domains", &self.domains.to_string(), "--latency-ms", &self.latency.to_string()]),
            upstream,
            "/_sandbox/health",
        )?;
        let mut sluice = Beside::start(
            Command::new(bin.join("sluice"))
                .env("SLUICE_AUTH", "demo")
                .env("SLUICE_LISTEN", address.to_string())
                .env("SLUICE_DATABASE", folder.join("sluice.sqlite3"))
                .env("SLUICE_KEK_FILE", &kek)
                .env("SLUICE_UPSTREAM", format!("http://{upstream}/inbound/v1"))
                .env("SLUICE_MX_RESOLVER", dns.to_string())
                .env("SLUICE_LOG", std::env::var("SLUICE_LOG").unwrap_or_else(|_| "warn".into())),
            address,
            "/healthz",
        )?;
        println!("{}", what_to_try(address, self.domains, upstream));
        loop {
            match stopped.recv_timeout(Duration::from_millis(500)) {
                Err(mpsc::RecvTimeoutError::Timeout) if sandbox.alive() && sluice.alive() => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err("Sluice or the stand-in ended by itself".into());
                }
                _ => return Ok(()),
            }
        }
    }
}

fn what_to_try(address: SocketAddr, domains: usize, upstream: SocketAddr) -> String {
    format!(
        "
Sluice is on http://{address} with a stand-in of {domains} domains.

  1. Sign in as Tomasz, the lead.
  2. Add the key sandbox-key-07 with the label web07 (there are sandbox-key-01 to -12, one a server).
  3. Press / and paste owner@bikeshop-northgate.example; change what you like, then undo it.
  4. Add a second key, and see which key holds which domain.
  5. Make the service fail:
     curl -X POST http://{upstream}/_sandbox/faults -H 'content-type: application/json' \\
          -d '{{\"operation\":\"*\",\"kind\":{{\"status\":{{\"code\":502}}}}}}'
     and mend it: curl -X DELETE http://{upstream}/_sandbox/faults
  6. Let a customer's MX records move, and press Check now on the domain's page:
     curl -X PUT http://{upstream}/_sandbox/mx/bikeshop-northgate.example -d '[[10,\"mx.elsewhere.example\"]]'
  7. Open Explain: sender billing@parcelhub.example, recipient reception@bikeshop-northgate.example. Or paste this there:
     <reception@bikeshop-northgate.example>: 550 5.7.1 Message rejected from billing@parcelhub.example

Ctrl-C ends both."
    )
}

/// Writes 32 random bytes in hex, readable by us alone.
fn make_kek(path: &Path) -> Step {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = [0_u8; 32];
    fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).map_err(failed)?;
    let text = hex(&bytes);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
