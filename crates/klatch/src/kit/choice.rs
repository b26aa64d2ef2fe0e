//! Which of the APIs behind the port a request is for.

use std::net::IpAddr;

use axum::extract::OriginalUri;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Request, Uri, header};
use wire::Dialect;
use wire::meta::spec::version;

use super::peer::Forwarded;

/// An API behind the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// The operator's probes: `/healthz`, `/readyz`, `/metrics`.
    Probes,
    /// Our own, under `/klatch/`.
    Klatch,
    /// A vendor's.
    Vendor(Dialect),
}

impl Api {
    /// The word for logs and figures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Probes => "probes",
            Self::Klatch => "klatch",
            Self::Vendor(dialect) => dialect.as_str(),
        }
    }
}

/// An API, and how much of the path says nothing but that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The API.
    pub api: Api,
    /// The beginning of the path that the API's own routes do not have: a mount, a version.
    pub base: &'a str,
}

impl<'a> Choice<'a> {
    /// Decides by the host, if it is a vendor's; by a path that only one API has; by a header that
    /// only one has. What is left is the first dialect's, Meta's, whose paths begin with anything at
    /// all.
    #[must_use]
    pub fn of(
        dialects: &[Dialect],
        host: &str,
        path: &'a str,
        has_header: impl Fn(&str) -> bool,
    ) -> Self {
        if let Some(dialect) = vendor(dialects, name(host)) {
            return Self::within(dialect, path, 0);
        }
        let under = |mount: &str| {
            path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if matches!(path, "/healthz" | "/readyz" | "/metrics") {
            return Self { api: Api::Probes, base: "" };
        }
        if under("/klatch") {
            return Self { api: Api::Klatch, base: "" };
        }
        let first = |is: &dyn Fn(&Dialect) -> bool| dialects.iter().copied().find(is);
        if let Some(dialect) = first(&|dialect| under(dialect.mount)) {
            return Self::within(dialect, path, dialect.mount.len());
        }
        let dialect = first(&|dialect| (dialect.owns_path)(path))
            .or_else(|| first(&|dialect| dialect.header.is_some_and(&has_header)));
        match dialect.or_else(|| dialects.first().copied()) {
            Some(dialect) => Self::within(dialect, path, 0),
            None => Self { api: Api::Klatch, base: "" },
        }
    }

    /// The API below a mount of so many bytes.
    fn within(dialect: Dialect, path: &'a str, mount: usize) -> Self {
        let base = &path[..mount + (dialect.prefix)(&path[mount..])];
        Self { api: Api::Vendor(dialect), base }
    }

    /// Decides for a request, and leaves the API's own path in it. The whole one stays with it as
    /// its [`OriginalUri`].
    pub(crate) fn make<B>(dialects: &[Dialect], request: &mut Request<B>) -> Api {
        let forwarded = request.extensions().get::<Forwarded>().and_then(|one| one.host.as_deref());
        let host = forwarded.or_else(|| request.uri().host());
        let host = host.or_else(|| request.headers().get(header::HOST)?.to_str().ok());
        let headers = request.headers();
        let has_header = |name: &str| headers.contains_key(name);
        let path = request.uri().path();
        let Choice { api, base } = Choice::of(dialects, host.unwrap_or_default(), path, has_header);
        if !base.is_empty() {
            let whole = request.uri().clone();
            let own = own_path(&whole, base.len());
            let base = Base(base.into());
            if let Some(own) = own {
                *request.uri_mut() = own;
                request.extensions_mut().insert(OriginalUri(whole));
                request.extensions_mut().insert(base);
            }
        }
        api
    }
}

/// The vendor whose host this is.
fn vendor(dialects: &[Dialect], name: &str) -> Option<Dialect> {
    let has = |dialect: &&Dialect| dialect.hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    dialects.iter().find(has).copied()
}

/// The host of what stands in a `Host` header or in an address: without the port, the brackets of
/// an IPv6 address and the point at the end.
fn name(host: &str) -> &str {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    name.map(|name| name.strip_suffix('.').unwrap_or(name)).unwrap_or_default()
}

/// Which hosts a request may name. A web page can make its own name point to the machine that reads
/// it (DNS rebinding), and would then be let into a sandbox whose keys everybody knows; the `Host`
/// of its requests gives it away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hosts {
    /// Any.
    #[default]
    Any,
    /// This machine's own names, those of the vendors, and that of `public_url`.
    Own {
        /// Whether any IP address is fine as well. A page cannot take one for its name.
        addresses: bool,
        /// The host of `public_url`.
        public: Option<String>,
    },
}

impl Hosts {
    /// Those of a sandbox, with or without IP addresses that are not loopback.
    #[must_use]
    pub fn own(addresses: bool, public_url: Option<&str>) -> Self {
        let authority = public_url.and_then(|url| url.split("//").nth(1)?.split('/').next());
        Self::Own { addresses, public: authority.map(|authority| name(authority).to_owned()) }
    }

    /// The host that a request names and may not name. A request that names none is no browser's.
    pub(crate) fn foreign<'a, B>(
        &self,
        dialects: &[Dialect],
        request: &'a Request<B>,
    ) -> Option<&'a [u8]> {
        let Self::Own { addresses, public } = self else { return None };
        let own = |host: &str| {
            let name = name(host);
            if public.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name)) {
                return true;
            }
            if let Ok(address) = name.parse::<IpAddr>() {
                return *addresses || address.to_canonical().is_loopback();
            }
            name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
                || vendor(dialects, name).is_some()
        };
        let headers = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes);
        let mut named = request.uri().host().map(str::as_bytes).into_iter().chain(headers);
        named.find(|host| !std::str::from_utf8(host).is_ok_and(own))
    }
}

/// What stood before the path that an API's routes see, carried beside the request.
#[derive(Debug, Clone)]
pub struct Base(Box<str>);

impl Base {
    /// The mount in it, without the version: `/meta` of `/meta/v23.0`; empty, where there is none.
    #[must_use]
    pub fn mount(&self) -> &str {
        let version = self.version().map_or(0, |version| version.len() + 1);
        &self.0[..self.0.len() - version]
    }

    /// The version in it, where there is one: `v23.0` of `/meta/v23.0`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let last = self.0.rfind('/')?;
        version(&self.0[last..])
    }
}

fn own_path(uri: &Uri, base: usize) -> Option<Uri> {
    let rest = &uri.path()[base..];
    let rest = if rest.is_empty() { "/" } else { rest };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{rest}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: Api = Api::Vendor(Dialect::META);
    const D360: Api = Api::Vendor(Dialect::D360);
    const SINCH: Api = Api::Vendor(Dialect::SINCH);

    #[test]
    fn host_then_path_then_header_decide() {
        for (host, path, has_d360_key, api, base) in [
            // By the host, whatever the path looks like.
            ("graph.facebook.com", "/v23.0/1/groups", false, META, "/v23.0"),
            ("Graph.Facebook.com:443", "/groups", true, META, ""),
            ("waba-v2.360dialog.io", "/v23.0/1/groups", false, D360, ""),
            ("eu1.whatsapp.api.sinch.com", "/healthz", false, SINCH, ""),
            ("us1.whatsapp.api.sinch.com", "/whatsapp/v1/bot/groups", false, SINCH, ""),
            ("graph.facebook.com.example", "/groups", false, D360, ""),
            // By the path.
            ("", "/healthz", true, Api::Probes, ""),
            ("", "/healthz/", false, META, ""),
            ("", "/klatch", false, Api::Klatch, ""),
            ("", "/klatch/v1/accounts", true, Api::Klatch, ""),
            ("", "/klatchy", false, META, ""),
            ("", "/meta/v23.0/1/groups", true, META, "/meta/v23.0"),
            ("", "/meta/groups", false, META, "/meta"),
            ("", "/meta", false, META, "/meta"),
            ("", "/metal", false, META, ""),
            ("", "/360dialog/groups", false, D360, "/360dialog"),
            ("", "/360dialog/v23.0/groups", false, D360, "/360dialog"),
            ("", "/sinch/whatsapp/v1/bot/groups", false, SINCH, "/sinch"),
            ("", "/whatsapp/v1/bot/groups", true, SINCH, ""),
            ("", "/whatsapp/v2/bot/groups", false, META, ""),
            ("", "/groups", false, D360, ""),
            ("", "/v1/groups/G", false, D360, ""),
            ("", "/v1/configs/webhook", false, D360, ""),
            ("", "/v23.0/1/groups", true, META, "/v23.0"),
            // Versions that are none are Meta's to refuse.
            ("", "/v1/1/groups", false, META, "/v1"),
            ("", "/v23/1/groups", false, META, "/v23"),
            ("", "/V23.0/1", false, META, "/V23.0"),
            ("", "/v999.0/1", false, META, "/v999.0"),
            ("", "/v23./1", false, META, ""),
            ("", "/v/1", false, META, ""),
            // By the header; and what is left.
            ("", "/1/groups", true, D360, ""),
            ("", "/v1/1", true, D360, ""),
            ("", "/1/groups", false, META, ""),
            ("", "/", false, META, ""),
        ] {
            let expected = Choice { api, base };
            let has_header = |name: &str| has_d360_key && name == "d360-api-key";
            let found = Choice::of(&Dialect::ALL, host, path, has_header);
            assert_eq!(found, expected, "{host} {path}");
        }
    }

    #[test]
    fn a_sandbox_answers_to_its_own_names() {
        let local = Hosts::own(false, None);
        let public = Hosts::own(true, Some("https://Sandbox.example:8443/klatch"));
        for (host, by_local, by_public) in [
            ("localhost", true, true),
            ("LOCALHOST:8080", true, true),
            ("localhost.:8080", true, true),
            ("app.localhost:3000", true, true),
            ("127.0.0.1:8080", true, true),
            ("127.9.9.9", true, true),
            ("[::1]:8080", true, true),
            ("[::ffff:127.0.0.1]", true, true),
            ("graph.facebook.com", true, true),
            ("waba-v2.360dialog.io:443", true, true),
            ("us1.whatsapp.api.sinch.com", true, true),
            ("sandbox.example", false, true),
            ("sandbox.example:1", false, true),
            ("192.0.2.1:8080", false, true),
            ("0.0.0.0:8080", false, true),
            ("[2001:db8::1]:8080", false, true),
            ("rebound.example", false, false),
            ("localhost.example", false, false),
            ("127.0.0.1.example", false, false),
            ("notlocalhost", false, false),
            ("graph.facebook.com.example", false, false),
            ("sandbox.example.evil.example", false, false),
            ("2130706433", false, false),
            ("", false, false),
        ] {
            let request = Request::get("/groups").header(header::HOST, host).body(()).unwrap();
            let fine = |hosts: &Hosts| hosts.foreign(&Dialect::ALL, &request).is_none();
            assert_eq!((fine(&local), fine(&public)), (by_local, by_public), "{host}");
            assert!(fine(&Hosts::Any), "{host}");
        }
        let by_number = Hosts::own(false, Some("http://192.0.2.1:8080"));
        let request = Request::get("/").header(header::HOST, "192.0.2.1:8080").body(()).unwrap();
        assert_eq!(by_number.foreign(&Dialect::ALL, &request), None);
        let foreign = |request: axum::http::request::Builder| {
            local.foreign(&Dialect::ALL, &request.body(()).unwrap()).map(<[u8]>::to_vec)
        };
        assert_eq!(foreign(Request::get("/groups")), None);
        let second = Request::get("/").header(header::HOST, "localhost");
        let second = second.header(header::HOST, "rebound.example");
        assert_eq!(foreign(second), Some(b"rebound.example".to_vec()));
        let whole = Request::get("http://rebound.example/").header(header::HOST, "localhost");
        assert_eq!(foreign(whole), Some(b"rebound.example".to_vec()));
    }

    #[test]
    fn the_api_sees_its_own_path() {
        let mut request = Request::get("/meta/v23.0/1/groups?limit=2").body(()).unwrap();
        assert_eq!(Choice::make(&Dialect::ALL, &mut request), META);
        assert_eq!(request.uri(), "/1/groups?limit=2");
        assert_eq!(request.extensions().get::<Base>().unwrap().version(), Some("v23.0"));
        let OriginalUri(whole) = request.extensions().get().unwrap();
        assert_eq!(whole, "/meta/v23.0/1/groups?limit=2");

        let mut request = Request::get("/meta").body(()).unwrap();
        assert_eq!(Choice::make(&Dialect::ALL, &mut request), META);
        assert_eq!(request.uri(), "/");
        assert_eq!(request.extensions().get::<Base>().unwrap().version(), None);
    }
}
