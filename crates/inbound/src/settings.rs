//! Spam handling: policy, override, and the header of `flag`.

use std::fmt;

/// What happens to spam `[spec]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The sender gets a bounce.
    Block,
    /// A header is added and it is delivered.
    Flag,
    /// Held up to 7 days; the recipient gets a digest.
    Quarantine,
}

impl Policy {
    /// Reads a policy, however it is capitalised.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Block, Self::Flag, Self::Quarantine]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text.trim()))
    }

    /// The service's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
        }
    }
}

/// The form as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsFields {
    /// `block`, `flag`, `quarantine`.
    pub policy: String,
    /// Anything but empty means yes.
    pub override_recipient: String,
    /// Header name.
    pub header_name: String,
    /// Header value.
    pub header_value: String,
}

/// Checked settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The policy.
    pub policy: Option<Policy>,
    /// Whether it overrides recipients' own choice.
    pub override_recipient: Option<bool>,
    /// Header added under `flag`.
    pub header_name: Option<String>,
    /// Its value.
    pub header_value: Option<String>,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsField {
    /// The policy.
    Policy,
    /// The header's name.
    HeaderName,
    /// The header's value.
    HeaderValue,
}

impl fmt::Display for SettingsField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::HeaderName => "header_name",
            Self::HeaderValue => "header_value",
        })
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// The field.
    pub field: SettingsField,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Longest header name: with colon and a space it stays well within a line (RFC 5322 2.1.1).
const NAME_MAX: usize = 76;
/// Longest header value: one line (RFC 5322 2.1.1).
const VALUE_MAX: usize = 900;

impl SettingsFields {
    /// Checks the form; every error at once.
    pub fn parse(&self) -> Result<Settings, Vec<SettingsError>> {
        let mut errors = Vec::new();
        let mut wrong = |field, message: &str| errors.push(SettingsError { field, message: message.to_owned() });
        let policy = Policy::parse(&self.policy);
        if policy.is_none() {
            wrong(SettingsField::Policy, "Choose what happens to spam.");
        }
        let (name, value) = (self.header_name.trim(), self.header_value.trim());
        // ftext of RFC 5322 2.2: printable ASCII without the colon.
        if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            wrong(SettingsField::HeaderName, "A header name has letters, digits and hyphens, no space or colon.");
        } else if name.len() > NAME_MAX {
            wrong(SettingsField::HeaderName, "The header name is longer than 76 characters.");
        } else if name.is_empty() && !value.is_empty() {
            wrong(SettingsField::HeaderName, "Enter the name of the header that has this value.");
        }
        if value.chars().any(char::is_control) {
            wrong(SettingsField::HeaderValue, "The value has a line break or control character. Remove it.");
        } else if value.len() > VALUE_MAX {
            wrong(SettingsField::HeaderValue, "The value is longer than 900 characters.");
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Settings {
            policy,
            override_recipient: Some(!self.override_recipient.is_empty()),
            header_name: some(name),
            header_value: some(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(policy: &str, name: &str, value: &str) -> SettingsFields {
        SettingsFields {
            policy: policy.into(),
            header_name: name.into(),
            header_value: value.into(),
            override_recipient: String::new(),
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = |fields: SettingsFields| {
            fields.parse().unwrap_err().into_iter().map(|error| error.field.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(wrong(fields("", "X Spam", "a\nb")), ["policy", "header_name", "header_value"]);
        assert_eq!(wrong(fields("flag", "", "yes")), ["header_name"]);
        assert_eq!(wrong(fields("flag", "X:", "")), ["header_name"]);
        assert_eq!(fields("Flag", " X-Spam ", "yes").parse().unwrap().header_name.as_deref(), Some("X-Spam"));
    }

    proptest! {
        #[test]
        fn what_passes_cannot_start_a_header_of_its_own(name in "\\PC{0,90}", value in any::<String>()) {
            if let Ok(settings) = fields("flag", &name, &value).parse() {
                let line = format!("{}: {}", settings.header_name.unwrap_or_default(), settings.header_value.unwrap_or_default());
                prop_assert!(!line.contains(['\r', '\n', '\0']));
            }
        }
    }
}
