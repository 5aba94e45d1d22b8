//! Made-up data, the same for the same seed.

use crate::{
    Seed,
    world::{Customer, Domain, Downstream, Item, Key, Recipient, Subscription, World},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;

/// The customer whose console this is.
pub(crate) const DEMO: &str = "demo-host";
/// Another customer, for 409 and 401.
const OTHER: &str = "other-host";

const FIRST: [&str; 24] = [
    "acorn",
    "albion",
    "amber",
    "anvil",
    "ashdown",
    "bay-tree",
    "beacon",
    "birchwood",
    "blackwater",
    "brindle",
    "castle",
    "cedar",
    "copper",
    "dovecote",
    "elm",
    "falcon",
    "foundry",
    "harbour",
    "ivy",
    "juniper",
    "kestrel",
    "lantern",
    "meadow",
    "northgate",
];
const SECOND: [&str; 24] = [
    "bakery", "bikes", "bookshop", "brewery", "builders", "cafe", "carpets", "clinic", "coaching", "dental",
    "farmshop", "florist", "garage", "joinery", "legal", "optics", "physio", "plumbing", "roofing", "scouts", "school",
    "studio", "vets", "workshop",
];
const UNICODE: [&str; 6] = ["bäckerei", "café", "fähre", "piñata", "smørrebrød", "żabka"];

/// A world as it starts.
pub(crate) fn world(seed: Seed, domains: usize, rng_seed: u64) -> World {
    let mut world = World::default();
    let plan = |handle: &str, name: &str| (handle.to_owned(), name.to_owned());
    let main = Subscription {
        handle: "demo-main".into(),
        plan: plan("inbound-pro", "Inbound Pro"),
        limit: (domains + 2000).max(15_000),
    };
    let reseller =
        Subscription { handle: "demo-reseller".into(), plan: plan("inbound-basic", "Inbound Basic"), limit: 1_500 };
    world
        .customers
        .insert(DEMO.into(), Customer { subscriptions: vec![main, reseller], protected: 500, ..Customer::default() });
    let other = Subscription { handle: "other-main".into(), plan: plan("inbound-basic", "Inbound Basic"), limit: 100 };
    world.customers.insert(OTHER.into(), Customer { subscriptions: vec![other], protected: 50, ..Customer::default() });
    for number in 1..=12 {
        world.keys.push(Key {
            label: format!("web{number:02}"),
            secret: format!("sandbox-key-{number:02}"),
            customer: DEMO.into(),
        });
    }
    world.keys.push(Key { label: "other".into(), secret: "sandbox-other-key".into(), customer: OTHER.into() });
    if seed == Seed::Demo {
        demo(&mut world, domains, &mut StdRng::seed_from_u64(rng_seed));
    }
    world
}

fn server(priority: u64, weight: u64, port: u64, target: &str) -> Downstream {
    Downstream { priority, weight, port, target: target.to_owned() }
}

fn item(text: &str, kind: &str) -> Item {
    Item { item: text.to_owned(), kind: kind.to_owned() }
}

fn put(world: &mut World, name: &str, domain: Domain) {
    for alias in &domain.sections.aliases {
        world.aliases.insert(alias.clone(), name.to_owned());
    }
    world.domains.insert(name.to_owned(), domain);
}

/// A domain more of the demo customer's.
pub(crate) fn add(world: &mut World, name: &str, key: &str) {
    put(world, name, a_domain(DEMO, Some(key), "demo-main", "block"));
}

fn a_domain(customer: &str, key: Option<&str>, subscription: &str, policy: &str) -> Domain {
    let mut domain = Domain {
        customer: customer.into(),
        key: key.map(str::to_owned),
        subscription: subscription.into(),
        ..Domain::default()
    };
    domain.sections.settings.insert("abusePolicy".into(), json!(policy));
    domain.sections.settings.insert("abusePolicyOverride".into(), json!(false));
    domain
}

fn demo(world: &mut World, domains: usize, rng: &mut StdRng) {
    if domains >= 10 {
        known(world);
    }
    let mut made = world.domains.values().filter(|domain| domain.customer == DEMO).count();
    let mut resold = 0;
    for count in 0_usize.. {
        if made >= domains {
            break;
        }
        let name = made_up(count, rng);
        if world.taken(&name) {
            continue;
        }
        made += 1;
        let home = format!("web{:02}", rng.random_range(1..=12));
        let free = rng.random_bool(0.08);
        let reseller = rng.random_bool(0.1) && resold < 1_400;
        resold += usize::from(reseller);
        let subscription = if reseller { "demo-reseller" } else { "demo-main" };
        let policy = ["block", "block", "block", "quarantine", "flag"].choose(rng).copied().unwrap_or("block");
        let mut domain = a_domain(DEMO, (!free).then_some(home.as_str()), subscription, policy);
        if policy == "flag" {
            domain.sections.settings.insert("spamHeaderName".into(), json!("X-Spam-Flag"));
            domain.sections.settings.insert("spamHeaderValue".into(), json!("YES"));
        }
        if !rng.random_bool(0.01) {
            domain.sections.downstreams.push(server(10, 100, 25, &format!("mx-a.{home}.harbourline.example")));
            if rng.random_bool(0.3) {
                domain.sections.downstreams.push(server(20, 100, 25, &format!("mx-b.{home}.harbourline.example")));
            }
        }
        domain.sections.admins.push(format!("owner@{name}"));
        if rng.random_bool(0.15) {
            for extra in 0..rng.random_range(1..=3_usize) {
                let alias = format!("alias{extra}-{count}.example");
                domain.sections.aliases.push(alias);
            }
        }
        put(world, &name, domain);
    }
}

/// Names that tests and documents may count on.
fn known(world: &mut World) {
    let mut bikes = a_domain(DEMO, Some("web07"), "demo-main", "quarantine");
    bikes.sections.downstreams = vec![
        server(10, 80, 25, "mx-a.web07.harbourline.example"),
        server(10, 20, 25, "mx-b.web07.harbourline.example"),
    ];
    bikes.sections.aliases =
        ["northgatebikes.example", "northgate-cycles.example", "bikes-northgate.example"].map(str::to_owned).to_vec();
    bikes.sections.admins = vec!["owner@bikeshop-northgate.example".into(), "it@northgate-group.example".into()];
    bikes.lists.safelist = vec![item("chainset.example", "domain"), item("198.51.100.23", "ip_address")];
    bikes.lists.blocklist = vec![item("parcelhub.example", "domain"), item("198.51.100.23", "ip_address")];
    put(world, "bikeshop-northgate.example", bikes);
    let mut person = Recipient { filter: true, ..Recipient::default() };
    person.lists.safelist.push(item("orders@parcelhub.example", "email_address"));
    person.lists.blocklist.push(item("deals@voucherpost.example", "email_address"));
    world.recipients.insert("reception@bikeshop-northgate.example".into(), person);

    let mut bakery = a_domain(DEMO, None, "demo-main", "quarantine");
    bakery.sections.downstreams = vec![server(10, 100, 25, "mx.web02.harbourline.example")];
    put(world, "bakeshop-brighton.example", bakery);
    put(world, "bottleshop-leith.example", a_domain(DEMO, None, "demo-main", "block"));
    let mut books = a_domain(DEMO, Some("web01"), "demo-main", "block");
    books.sections.downstreams = vec![server(10, 100, 25, "mx.web01.harbourline.example")];
    put(world, "xn--bcherwurm-q9a.example", books);
    put(world, "owned-by-other.example", a_domain(OTHER, None, "other-main", "block"));
    put(world, "other-shop.example", a_domain(OTHER, Some("other"), "other-main", "flag"));
    if let Some(customer) = world.customers.get_mut(DEMO) {
        customer.lists.safelist = vec![item("billing@parcelhub.example", "email_address")];
        customer.lists.blocklist = vec![item("chainset.example", "domain"), item("2001:db8:bad::17", "ip_address")];
    }
    world.saw("bikeshop-northgate.example", "From: news@chainset.example\r\nTo: reception@bikeshop-northgate.example\r\nSubject: Your order\r\n\r\nIt is on its way.\r\n");
}

fn made_up(count: usize, rng: &mut StdRng) -> String {
    let pick = |words: &[&'static str], rng: &mut StdRng| words.choose(rng).copied().unwrap_or("shop");
    if rng.random_bool(0.01) {
        let word = pick(&UNICODE, rng);
        return idna::domain_to_ascii(&format!("{word}-{count}.example"))
            .unwrap_or_else(|_| format!("idn-{count}.example"));
    }
    let (first, second) = (pick(&FIRST, rng), pick(&SECOND, rng));
    if count < 400 { format!("{first}-{second}.example") } else { format!("{first}-{second}-{count}.example") }
}
