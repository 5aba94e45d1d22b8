//! Placeholder until merged.
#[derive(Clone, Copy)]
pub enum Role {
    Envelope,
    From,
    ReplyTo,
    Mentioned,
}
pub struct Sender {
    pub address: String,
    pub role: Role,
}
pub struct Complaint {
    pub senders: Vec<Sender>,
    pub ips: Vec<std::net::IpAddr>,
    pub recipients: Vec<String>,
    pub bounces: Vec<crate::bounce::Bounce>,
    pub subject: Option<String>,
}
pub fn read(_: &str) -> Complaint {
    Complaint { senders: vec![], ips: vec![], recipients: vec![], bounces: vec![], subject: None }
}
