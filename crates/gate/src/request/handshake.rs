//! WebSocket handshakes: the only upgrade that is forwarded, and a way for browsers to send a key.

use crate::request::keys::holds_key;

/// Prefix of a subprotocol that carries a key.
pub const KEY_PROTOCOL: &str = "portcullis-key.";
/// The gate's own subprotocol, chosen for a client that offers it if the origin chooses none.
pub const OWN_PROTOCOL: &str = "portcullis";

/// A request for a WebSocket (RFC 6455).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handshake<'a> {
    /// The subprotocols as offered, the gate's own among them.
    protocols: &'a str,
}

impl<'a> Handshake<'a> {
    /// The handshake, if the request is one: a `GET` with matching `Upgrade` and `Connection`. Any
    /// other upgrade is ignored (RFC 9110, section 7.8).
    pub(crate) fn read(
        method: &str,
        (upgrade, connection): (&str, Option<&str>),
        protocols: Option<&'a str>,
    ) -> Option<Self> {
        // A list of protocols doesn't count: runtimes open a WebSocket for the single value only.
        let asks = upgrade.eq_ignore_ascii_case("websocket");
        let mut options = connection.unwrap_or_default().split(',').map(str::trim_ascii);
        let is_one =
            method == "GET" && asks && options.any(|option| option.eq_ignore_ascii_case("upgrade"));
        is_one.then(|| Self { protocols: protocols.unwrap_or_default() })
    }

    fn items(self) -> impl Iterator<Item = &'a str> {
        self.protocols.split(',').map(str::trim_ascii).filter(|item| !item.is_empty())
    }

    /// The keys among the subprotocols.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'a str> {
        self.items().filter_map(|item| item.strip_prefix(KEY_PROTOCOL))
    }

    /// Whether the client offers the gate's own subprotocol.
    pub(crate) fn offers_own(self) -> bool {
        self.items().any(|item| item == OWN_PROTOCOL)
    }

    /// The subprotocols for the origin: without the gate's own, and without any that holds a key,
    /// in whatever spelling.
    pub(crate) fn for_origin(self) -> String {
        let is_keys = |item: &str| {
            let start = item.get(..KEY_PROTOCOL.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(KEY_PROTOCOL)) || holds_key(item)
        };
        let is_origins = |item: &&str| *item != OWN_PROTOCOL && !is_keys(item);
        self.items().filter(is_origins).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_a_get_that_asks_for_it_in_both_fields() {
        let read = |method, upgrade, connection| {
            Handshake::read(method, (upgrade, Some(connection)), None).is_some()
        };
        assert!(read("GET", "websocket", "Upgrade"));
        assert!(read("GET", "WebSocket", "keep-alive, upgrade"));
        assert!(!read("GET", "h2c, websocket", "upgrade"));
        assert!(!read("GET", "websocket ", "upgrade"));
        assert!(!read("POST", "websocket", "upgrade"));
        assert!(!read("OPTIONS", "websocket", "upgrade"));
        assert!(!read("GET", "h2c", "upgrade"));
        assert!(!read("GET", "websocket", "keep-alive"));
        assert!(!read("GET", "websockets", "upgrade"));
    }

    #[test]
    fn subprotocols_carry_a_key_that_the_origin_does_not_see() {
        let offered = Some("portcullis, chat,portcullis-key.sk_live_1 ,v2,Portcullis-Key.x");
        let handshake = Handshake::read("GET", ("websocket", Some("upgrade")), offered).unwrap();
        assert_eq!(handshake.keys().collect::<Vec<_>>(), ["sk_live_1"]);
        assert_eq!(handshake.for_origin(), "chat, v2");
        assert!(handshake.offers_own());
        let none = Handshake::read("GET", ("websocket", Some("upgrade")), None).unwrap();
        assert!(!none.offers_own() && none.for_origin().is_empty());
    }
}
