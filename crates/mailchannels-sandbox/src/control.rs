//! Control from the same process: what tests use. The same over HTTP is in `remote`.

use crate::{
    Entry, Fault, Options, Seed,
    dns::Zone,
    domains::domain_json,
    seed,
    switches::Switches,
    world::{Key, World, name_of},
};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Everything that requests and controls share.
pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) switches: Switches,
    pub(crate) faults: Vec<Fault>,
    pub(crate) ledger: Vec<Entry>,
    pub(crate) zone: Zone,
    pub(crate) recent: HashMap<String, VecDeque<Instant>>,
}

/// A handle on a running stand-in; clones are the same one.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Mutex<Inner>>,
    pub(crate) options: Arc<Options>,
    pub(crate) started: Instant,
}

/// The window of the rate limit `[doc]`.
const WINDOW: Duration = Duration::from_secs(1);

impl Control {
    pub(crate) fn new(options: Options) -> Self {
        let world = load(&options).unwrap_or_else(|| seed::world(options.seed, options.domains, options.rng_seed));
        let inner = Inner::of(world);
        Self { inner: Arc::new(Mutex::new(inner)), options: Arc::new(options), started: Instant::now() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a key of the demo customer.
    pub fn add_key(&self, label: &str, secret: &str) {
        self.add_key_for(label, secret, seed::DEMO);
    }

    /// Makes a key of a customer.
    pub fn add_key_for(&self, label: &str, secret: &str, customer: &str) {
        let key = Key { label: label.to_owned(), secret: secret.to_owned(), customer: customer.to_owned() };
        let mut inner = self.lock();
        inner.world.keys.retain(|known| known.label != label);
        inner.world.keys.push(key);
    }

    /// Deletes a key, as in the Host Console: its domains become free `[doc]`. Says whether it was there.
    pub fn delete_key(&self, label: &str) -> bool {
        let mut inner = self.lock();
        let before = inner.world.keys.len();
        inner.world.keys.retain(|key| key.label != label);
        for domain in inner.world.domains.values_mut().filter(|domain| domain.key.as_deref() == Some(label)) {
            domain.key = None;
        }
        inner.world.keys.len() != before
    }

    /// Labels and customers of the keys.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, String)> {
        self.lock().world.keys.iter().map(|key| (key.label.clone(), key.customer.clone())).collect()
    }

    /// Adds a fault; the first that applies is taken.
    pub fn add_fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Sets a switch. The error names what there is.
    pub fn set_switch(&self, name: &str, value: &str) -> Result<(), String> {
        self.lock().switches.set(name, value)
    }

    /// Every request so far.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        self.lock().ledger.clone()
    }

    /// Forgets the requests so far.
    pub fn clear_ledger(&self) {
        self.lock().ledger.clear();
    }

    /// A domain as it truly is: as answers have it, with the label of its key as `key`.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<Value> {
        let name = name_of(name).ok()?;
        let inner = self.lock();
        let domain = inner.world.domains.get(&name)?;
        let mut value = domain_json(&name, domain, &Switches::default());
        value["key"] = domain.key.clone().into();
        value["customer"] = domain.customer.clone().into();
        Some(value)
    }

    /// Associates a domain with a key, by its label, behind everybody's back.
    pub fn move_domain(&self, name: &str, key: &str) {
        let Ok(name) = name_of(name) else { return };
        if let Some(domain) = self.lock().world.domains.get_mut(&name) {
            domain.key = Some(key.to_owned());
        }
    }

    /// Provisions a domain for the demo customer with a key, by its label, behind everybody's back.
    pub fn provision(&self, name: &str, key: &str) {
        if let Ok(name) = name_of(name) {
            seed::add(&mut self.lock().world, &name, key);
        }
    }

    /// A message that the service filtered for a domain; reports are matched against these.
    pub fn saw_message(&self, domain: &str, content: &str) {
        if let Ok(name) = name_of(domain) {
            self.lock().world.saw(&name, content);
        }
    }

    /// Back to how it started, without faults, switches and ledger.
    pub fn reset(&self) {
        let world = seed::world(self.options.seed, self.options.domains, self.options.rng_seed);
        let mut inner = self.lock();
        *inner = Inner::of(world);
    }

    /// What it was started with.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.options.seed
    }

    /// Writes the state, when it is to be kept; the old file stays whole until the new one is.
    pub(crate) fn save(&self) {
        let Some(path) = &self.options.state else {
            return;
        };
        let Ok(text) = serde_json::to_vec(&self.lock().world) else {
            return;
        };
        let fresh = path.with_extension("new");
        if std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path)).is_err() {
            eprintln!("the state could not be written to {}", path.display());
        }
    }
}

fn load(options: &Options) -> Option<World> {
    let text = std::fs::read(options.state.as_ref()?).ok()?;
    serde_json::from_slice(&text).ok()
}

impl Inner {
    /// As it starts: a world, and nothing set or seen.
    fn of(world: World) -> Self {
        Self {
            world,
            switches: Switches::default(),
            faults: Vec::new(),
            ledger: Vec::new(),
            recent: HashMap::new(),
            zone: Zone::default(),
        }
    }

    /// Takes a place in the customer's second, if there is one.
    pub(crate) fn admit(&mut self, customer: &str, rate: u32, now: Instant) -> bool {
        let recent = self.recent.entry(customer.to_owned()).or_default();
        while recent.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            recent.pop_front();
        }
        let room = recent.len() < rate as usize;
        if room {
            recent.push_back(now);
        }
        room
    }
}
