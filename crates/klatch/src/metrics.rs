//! Every figure that `/metrics` shows. One struct, no globals: a test can have its own.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the buckets for answer times, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// By what requests are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Which API: `d360`, `klatch`, …
    pub api: &'static str,
    /// Method, with the unusual ones taken together.
    pub method: &'static str,
    /// Status of the answer.
    pub status: Status,
}

/// An HTTP status as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl EncodeLabelValue for Status {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.encode(encoder)
    }
}

/// By which API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ApiLabels {
    /// Which API.
    pub api: &'static str,
}

/// By dialect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DialectLabels {
    /// Which: `meta`, `d360`, `sinch`.
    pub dialect: &'static str,
}

/// By what attempts at deliveries are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    /// Which dialect.
    pub dialect: &'static str,
    /// `delivered` or `failed`.
    pub outcome: &'static str,
}

/// The program's figures. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds until the answer's head was ready.
    pub request_seconds: Family<ApiLabels, Histogram, fn() -> Histogram>,
    /// Requests being worked on.
    pub in_flight: Gauge,
    /// Connections open.
    pub connections: Gauge,
    /// Connections that were closed at once, since their address had as many as it may have.
    pub connections_refused: Counter,
    /// Changes to groups that are on stable storage.
    pub commits: Counter,
    /// Transactions that these changes shared.
    pub commit_batches: Counter,
    /// Decisions that had to be made again because somebody else was faster.
    pub conflicts: Counter,
    /// Deliveries that came to be owed.
    pub webhook_deliveries: Counter,
    /// Attempts at deliveries.
    pub webhook_attempts: Family<AttemptLabels, Counter>,
    /// Seconds until a receiver had answered, or had not.
    pub webhook_seconds: Family<DialectLabels, Histogram, fn() -> Histogram>,
    /// Attempts on their way.
    pub webhooks_in_flight: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            commits: Counter::default(),
            commit_batches: Counter::default(),
            conflicts: Counter::default(),
            webhook_deliveries: Counter::default(),
            webhook_attempts: Family::default(),
            webhook_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            webhooks_in_flight: Gauge::default(),
        }
    }
}

impl Metrics {
    /// All figures in the OpenMetrics text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut registry = Registry::with_prefix("klatch");
        registry.register(
            "http_requests",
            "Requests answered, by API, method and status",
            self.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time until the head of the answer was ready, by API",
            self.request_seconds.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being worked on",
            self.in_flight.clone(),
        );
        registry.register("http_connections", "Connections open", self.connections.clone());
        registry.register(
            "http_connections_refused",
            "Connections closed at once, since their address has as many as it may have",
            self.connections_refused.clone(),
        );
        registry.register(
            "commits",
            "Changes to groups that are on stable storage",
            self.commits.clone(),
        );
        registry.register(
            "commit_batches",
            "Transactions that these changes shared",
            self.commit_batches.clone(),
        );
        registry.register(
            "commit_conflicts",
            "Decisions made again because somebody else was faster",
            self.conflicts.clone(),
        );
        registry.register(
            "webhook_deliveries",
            "Deliveries that came to be owed",
            self.webhook_deliveries.clone(),
        );
        registry.register(
            "webhook_attempts",
            "Attempts at deliveries, by dialect and outcome",
            self.webhook_attempts.clone(),
        );
        registry.register(
            "webhook_attempt_seconds",
            "Time until a receiver had answered, or had not, by dialect",
            self.webhook_seconds.clone(),
        );
        registry.register(
            "webhooks_in_flight",
            "Attempts on their way",
            self.webhooks_in_flight.clone(),
        );
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = encode(&mut text, &registry);
        in_order(&text)
    }
}

/// Puts the series of each figure in the order of their labels: the registry keeps them in hash
/// maps, whose order is another one in each run.
fn in_order(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    for series in lines.chunk_by_mut(|one, next| !one.starts_with('#') && !next.starts_with('#')) {
        // The samples of one histogram follow each other, and stay as they are.
        series.sort_by_cached_key(|line| labels(line));
    }
    lines.concat()
}

/// The labels that tell the series of a figure apart: `le` is a sample's own.
fn labels(line: &str) -> Vec<&str> {
    let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let labels = labels.map_or("", |(labels, _)| labels);
    labels.split(',').filter(|label| !label.starts_with("le=")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_in_the_order_of_their_labels() {
        let metrics = Metrics::default();
        for api in ["sinch", "d360", "meta"] {
            metrics.request_seconds.get_or_create(&ApiLabels { api }).observe(0.5);
        }
        let text = metrics.render();
        let samples: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("klatch_http_request_seconds_"))
            .filter(|line| !line.starts_with("bucket") || line.contains("+Inf"))
            .collect();
        assert_eq!(
            samples,
            [
                "sum{api=\"d360\"} 0.5",
                "count{api=\"d360\"} 1",
                "bucket{le=\"+Inf\",api=\"d360\"} 1",
                "sum{api=\"meta\"} 0.5",
                "count{api=\"meta\"} 1",
                "bucket{le=\"+Inf\",api=\"meta\"} 1",
                "sum{api=\"sinch\"} 0.5",
                "count{api=\"sinch\"} 1",
                "bucket{le=\"+Inf\",api=\"sinch\"} 1",
            ]
        );
    }
}
