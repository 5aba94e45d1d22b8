//! The key map: counts from the mirror alone, links that lead where they say, others counted and not named.

use crate::app::{Browser, TestApp};

/// The row of a key on the map, by its label.
fn row<'a>(page: &'a str, label: &str) -> &'a str {
    page.split("<tr role=\"row\">")
        .find(|row| row.contains(&format!(">{label}</a>")))
        .unwrap_or_else(|| panic!("no row {label} in {page}"))
}

/// The number of a column of a row.
fn cell(row: &str, column: &str) -> u64 {
    let cell = row.split(&format!("data-l=\"{column}\"")).nth(1).unwrap_or_else(|| panic!("no {column} in {row}"));
    let text = cell.split("</td>").next().unwrap();
    let text = text.split("<small>").next().unwrap();
    let text = text.rsplit("</a>").last().unwrap();
    let digits: String = text.rsplit('>').next().unwrap().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{column} of {row}"))
}

/// How many domains a page of the list says match.
async fn matching(browser: &Browser, path: &str) -> u64 {
    let page = browser.get(path).await.text;
    let text = page.split("class=\"row meta sm\"><p><b>").nth(1).unwrap_or_else(|| panic!("{path}: {page}"));
    text.split("</b>").next().unwrap().replace(',', "").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_asks_nobody_and_costs_the_same_at_any_size() {
    let mut cost = Vec::new();
    for domains in [100, 5_000] {
        let app = TestApp::start(domains).await;
        let lead = app.lead_with_keys(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
        let (calls, before) = (app.upstream_calls(), app.running.desk.store().statements());
        let page = lead.get("/keys/map").await;
        let first = app.running.desk.store().statements() - before;
        assert!(page.status.is_success(), "{}", page.text);
        assert!(page.text.len() < 150 * 1024, "{} bytes", page.text.len());
        let before = app.running.desk.store().statements();
        lead.get("/keys/map").await;
        assert_eq!(app.upstream_calls(), calls, "no upstream call");
        cost.push((first, app.running.desk.store().statements() - before));
    }
    assert_eq!(cost[0], cost[1], "as many statements for 5,000 domains as for 100");
    assert!(cost[0].0 <= 12, "{cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_numbers_are_those_of_the_service_and_of_the_lists_behind_them() {
    let app = TestApp::start(300).await;
    let numbers: Vec<u32> = (1..=12).collect();
    let lead = app.lead_with_keys(&numbers).await;
    lead.submit("/do/keys/sync", &[("back", "/keys/map")]).await;
    let page = lead.get("/keys/map").await.text;
    let control = app.sandbox.control();
    let mut truth = [0_u64; 13];
    let names = all_names(&lead).await;
    assert_eq!(names.len(), 300);
    for name in &names {
        match control.domain(name).unwrap()["key"].as_str() {
            Some(key) => truth[key.trim_start_matches("web").parse::<usize>().unwrap()] += 1,
            None => truth[0] += 1,
        }
    }
    let free = truth[0];
    for number in numbers {
        let label = format!("web{number:02}");
        let row = row(&page, &label);
        let held = truth[number as usize];
        let counted = ["Locked", "Free", "Unknown", "Seen"].map(|column| cell(row, column));
        assert_eq!(counted, [held, free, 0, held + free], "{label}");
        assert!(row.contains(&format!("Frees {held} domains to any key")), "{row}");
        assert!(row.contains(&format!("Leaves {held} domains out of your reach")), "{row}");
        let link = row.split("href=\"/domains?key=").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(matching(&lead, &format!("/domains?key={link}")).await, held, "{label}: the list behind it");
        assert!(row.contains(&format!("href=\"/bulk/associate?from={link}\"")), "{row}");
        assert!(row.contains(&format!("href=\"/keys/{link}/leaked\"")), "{row}");
    }
    assert_eq!(matching(&lead, "/domains?key=free").await, free);
    let coverage = page.split("id=\"coverage\"").nth(1).unwrap().split("</section>").next().unwrap();
    for (number, of) in [(300 - free, "locked"), (300, "all")] {
        assert!(coverage.contains(&format!(">{number}<")), "{of}: {coverage}");
    }
    assert!(
        coverage.contains(&format!("href=\"/domains?key=free\" aria-label=\"{free} free domains\">{free}</a>")),
        "{coverage}"
    );
    assert!(lead.get("/keys").await.text.contains("href=\"/keys/map\""));
}

/// All names of the list, page by page.
async fn all_names(browser: &Browser) -> Vec<String> {
    let (mut names, mut path) = (Vec::new(), "/domains".to_owned());
    loop {
        let page = browser.get(&path).await.text;
        names.extend(page.split("<a href=\"/domains/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        let next =
            page.split("<a href=\"").skip(1).find(|link| link.split('>').next().unwrap().contains("rel=\"next\""));
        let Some(next) = next else { return names };
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_keys_are_counted_and_never_named() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[1]).await;
    let admin = app.signed_in("ines").await;
    admin.add_key("secret-label", "sandbox-key-07").await;
    admin.add_key("shared", "sandbox-key-01").await;
    lead.submit("/do/keys/sync", &[("back", "/keys/map")]).await;
    let page = lead.get("/keys/map").await.text;
    assert!(page.contains("1 key of other people"), "{page}");
    let others = page.split("<tr role=\"row\">").find(|row| row.contains("of other people")).unwrap();
    assert!(cell(others, "Locked") > 0, "{others}");
    for hidden in ["secret-label", "shared", "bikeshop-northgate"] {
        assert!(!page.contains(hidden), "{hidden} shows");
    }
    assert!(row(&page, "web01").contains("one colleague here holds it too"), "{page}");
    assert!(page.contains("Out of your reach"), "{page}");
    // A viewer reads the map and changes nothing.
    let viewer = app.signed_in("vera").await;
    assert!(viewer.get("/keys/map").await.text.contains("No key, no map"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_said() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let page = lead.get("/keys/map").await.text;
    let single = row(&page, "web07");
    assert_eq!(cell(single, "Locked"), 0);
    assert_eq!(cell(single, "Unknown"), cell(single, "Seen"));
    assert!(page.contains("With a single key of an account nobody can tell"), "{page}");
    assert!(single.contains("which is not known"), "{single}");

    lead.add_key("web08", "sandbox-key-08").await;
    lead.submit("/do/keys/sync", &[("back", "/keys/map")]).await;
    let page = lead.get("/keys/map").await.text;
    let (held, seen) = (cell(row(&page, "web07"), "Locked"), cell(row(&page, "web07"), "Seen"));
    assert!(held > 0, "two keys tell: {page}");
    app.sandbox.control().delete_key("web07");
    let page = lead.submit("/do/keys/sync", &[("back", "/keys/map")]).await.text;
    assert!(page.contains("MailChannels rejects web07"), "{page}");
    let dead = row(&page, "web07");
    assert!(dead.contains("MailChannels rejects it already") && dead.contains("Rejected"), "{dead}");
    let parts: u64 = ["Locked", "Free", "Unknown"].into_iter().map(|column| cell(dead, column)).sum();
    assert_eq!((parts, cell(dead, "Seen")), (seen, seen), "the parts are the whole: {dead}");
}
