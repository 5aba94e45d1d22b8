//! Placeholder until merged.
pub struct Bounce {
    pub code: &'static str,
    pub meaning: &'static str,
    pub next: &'static str,
    pub report: bool,
    pub lists: bool,
}
pub fn decode(_: &str) -> Vec<Bounce> {
    vec![]
}
