//! Named addresses: where a broker listens, and what it tells clients to connect to.

use std::fmt;

use super::value::{Type, Value, list};

/// One named address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Tells it from the others; the same in `listeners` and `advertised.listeners`.
    pub name: String,
    /// A host name or IP address, without the brackets of IPv6; empty for every interface.
    pub host: String,
    /// TCP port; 0 picks a free one.
    pub port: u16,
}

impl Listener {
    /// Whether it stands for every interface rather than for one address.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        matches!(self.host.as_str(), "" | "0.0.0.0" | "::")
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, address) = text.split_once("://")?;
        let (host, port) = address.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host);
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && !name.starts_with("SSL")
            && !name.starts_with("SASL");
        let one_host = !host.contains(char::is_whitespace) && !host.contains('/');
        (plain && one_host).then_some(())?;
        Some(Self {
            name: name.to_owned(),
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, host, port } = self;
        if host.contains(':') {
            write!(f, "{name}://[{host}]:{port}")
        } else {
            write!(f, "{name}://{host}:{port}")
        }
    }
}

/// At least one address, each under a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listeners(Vec<Listener>);

impl Listeners {
    /// In the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.0.iter()
    }

    /// The one of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Listener> {
        self.0.iter().find(|listener| listener.name == name)
    }
}

impl fmt::Display for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, listener) in self.0.iter().enumerate() {
            write!(f, "{}{listener}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Value for Listeners {
    const TYPE: Type = Type::List;
    const SHAPE: &'static str = "a list of NAME://host:port, each name once; \
         the names SSL and SASL… are kept for encrypted and authenticated listeners";

    fn parse(text: &str) -> Option<Self> {
        let all: Vec<Listener> = list::items(text)
            .map(Listener::parse)
            .collect::<Option<_>>()?;
        let twice = |l: &Listener| all.iter().filter(|other| other.name == l.name).count() > 1;
        (!all.is_empty() && !all.iter().any(twice)).then_some(Self(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[(&str, &str, u16)]>) {
        let parsed = Listeners::parse(text);
        let seen = parsed.as_ref().map(|listeners| {
            let triple = |l: &Listener| (l.name.clone(), l.host.clone(), l.port);
            listeners.iter().map(triple).collect::<Vec<_>>()
        });
        let expected = expected.map(|e| {
            e.iter()
                .map(|(n, h, p)| (n.to_string(), h.to_string(), *p))
                .collect()
        });
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn listeners_read_names_hosts_and_ports() {
        check(
            "PLAINTEXT://127.0.0.1:9092",
            Some(&[("PLAINTEXT", "127.0.0.1", 9092)]),
        );
        check(
            "A://:0, B://[::1]:19092",
            Some(&[("A", "", 0), ("B", "::1", 19092)]),
        );
        for wrong in [
            "",
            "localhost:9092",
            "A://h",
            "A://h:70000",
            "A://h:1,A://h:2",
            "SSL://h:1",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn listeners_show_as_they_are_written() {
        let text = "A://host:1,B://[::1]:2";
        assert_eq!(Listeners::parse(text).unwrap().to_string(), text);
    }
}
