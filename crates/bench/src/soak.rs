//! Fifty people for some minutes, at a service that fails now and then: what they wait for beyond the service, what
//! fails, whether memory grows, and whether the service's limit is kept.

mod agent;
mod report;
mod upstream;

use crate::{
    Programs, Step,
    host::Beside,
    ledger::Entry,
    rig::{Home, How, KEYS, Sluice, StandIn, add_keys},
};
use agent::{Agent, Sample};
use clap::Args;
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use upstream::Tries;

/// People.
const AGENTS: u32 = 50;
/// Of these, leads.
const LEADS: u32 = 4;
/// Keys of each agent; a lead has all.
const KEYS_EACH: u32 = 3;
/// What every call takes at least.
const LATENCY: Duration = Duration::from_millis(40);
/// The part of the time that is not measured, while caches fill.
const WARM: u32 = 6;
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(2);
/// What Sluice logs: its calls, and the requests they are made for.
const LOG: &str = "warn,mailchannels=debug,sluice::server::router=info";

/// Flags of the soak.
#[derive(Args)]
pub(crate) struct Soak {
    /// Minutes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// Domains.
    #[arg(long, default_value_t = 10_000)]
    domains: usize,
    #[command(flatten)]
    programs: Programs,
}

/// A look at the memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    /// Minutes since the measurement began.
    pub(crate) minute: f64,
    /// Megabytes that are its own.
    pub(crate) own: f64,
    /// Megabytes that are resident.
    pub(crate) resident: f64,
}

/// All that was seen.
pub(crate) struct Seen {
    /// Requests to Sluice, also of the warm-up.
    pub(crate) samples: Vec<Sample>,
    /// When the measurement began.
    pub(crate) begun: Instant,
    /// Calls to MailChannels, as Sluice has them.
    pub(crate) tries: Tries,
    /// The same as the stand-in has them.
    pub(crate) ledger: Vec<Entry>,
    /// Memory from then on.
    pub(crate) memory: Vec<Memory>,
}

impl Soak {
    pub(crate) async fn run(self) -> Step {
        let tools = self.programs.tools(false)?;
        let stand_in = StandIn::start(&tools, self.domains)?;
        let home = Home::new(stand_in.base())?;
        let sluice = home.start(&tools, How::default())?;
        eprintln!("Mirroring {} domains …", self.domains);
        sluice.mirror(&mut sluice.lead().await?, 1..=KEYS).await?;
        drop(sluice);
        home.fill_mx().await?;
        drop(stand_in);
        let stand_in = StandIn::start_slow(&tools, self.domains, LATENCY)?;
        let home = home.at(stand_in.base());
        let log = home.path("soak.log");
        let sluice = home.start(&tools, How { mx: true, live: true, log: Some((LOG, &log)) })?;
        let agents = people(&sluice).await?;
        stand_in.go_wrong(&faults()).await?;
        stand_in.clear_ledger().await?;
        let whole = Duration::from_mins(self.minutes.into());
        let warm = (whole / WARM).min(Duration::from_mins(1));
        let (begun, end) = (Instant::now() + warm, Instant::now() + warm + whole);
        eprintln!("{AGENTS} agents work for {} s …", (warm + whole).as_secs());
        let mut work = JoinSet::new();
        for agent in agents {
            work.spawn(agent.work(end));
        }
        let memory = watch(&sluice.beside, begun, end).await?;
        let mut samples = Vec::new();
        while let Some(done) = work.join_next().await {
            samples.extend(done.map_err(|error| error.to_string())??);
        }
        let ledger = stand_in.ledger().await?;
        drop(sluice);
        let text = fs::read_to_string(&log).map_err(|error| error.to_string())?;
        for line in text.lines().filter(|line| line.contains("\"ERROR\"")).take(10) {
            eprintln!("{line}");
        }
        let seen = Seen { samples, begun, tries: Tries::read(&text)?, ledger, memory };
        self.programs.print(&format!(", {} minutes", self.minutes), &report::rows(&seen)?)
    }
}

/// A few of a hundred: pushed back, cut off before or after the work, answered late.
fn faults() -> [serde_json::Value; 5] {
    let fault = |kind: serde_json::Value, often: f64| json!({ "operation": "*", "kind": kind, "probability": often });
    [
        fault(json!({ "status": { "code": 503 } }), 0.01),
        fault(json!("reset"), 0.01),
        fault(json!("reset_after_change"), 0.005),
        fault(json!("cut_body"), 0.005),
        fault(json!({ "latency_ms": 1_000 }), 0.03),
    ]
}

/// The people, with their keys.
async fn people(sluice: &Sluice) -> Step<Vec<Agent>> {
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let lead = number < LEADS;
        let group = if lead { "leads" } else { "agents" };
        let mut browser = sluice.vouched(&format!("agent-{number}"), group)?;
        browser.visit("/domains").await?;
        let keys: Vec<_> =
            if lead { (1..=KEYS).collect() } else { (0..KEYS_EACH).map(|key| (number + key * 4) % KEYS + 1).collect() };
        add_keys(&mut browser, keys).await?;
        agents.push(Agent::new(number, lead, browser));
    }
    Ok(agents)
}

/// Looks at the memory until the end.
async fn watch(process: &Beside, begun: Instant, end: Instant) -> Step<Vec<Memory>> {
    let mut memory = Vec::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let now = Instant::now();
        if now >= end {
            return Ok(memory);
        }
        if now >= begun {
            memory.push(Memory {
                minute: (now - begun).as_secs_f64() / 60.0,
                own: process.memory("Pss_Anon")?,
                resident: process.memory("Rss")?,
            });
        }
    }
}
