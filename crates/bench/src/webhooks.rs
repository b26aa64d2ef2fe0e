//! What it costs to tell receivers, and how soon they know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use domain::values::Timestamp;
use klatch::directory::{Secret, Secrets};
use klatch::webhook::memory::CONCURRENCY;
use klatch::webhook::sign::{self, Signing};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::task::JoinSet;
use wire::Dialect;

use crate::baseline::Posts;
use crate::load::{Caller, Client};
use crate::process::{Server, operator};
use crate::receiver;
use crate::report::{self, Line, Target, Unit, millis};
use crate::rows::{Bench, creating, most_resident, progress};

/// Many receivers.
pub(crate) const RECEIVERS: usize = 100;
/// Connections of a bare client to many receivers: more do not make it faster.
pub(crate) const BARE_CONNECTIONS_MAX: usize = 64;
/// Posts by which the bare client's pace is known before anything is measured.
const PACED_BY: u64 = 5_000;
/// How often a receiver is asked for its count.
const COUNT_EVERY: Duration = Duration::from_millis(5);
/// After which deliveries that have not arrived are given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// Calls of which the median is taken.
pub(crate) const CALLS: usize = 200;
/// How long a server is left alone before the next of them.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);
/// How long a server goes on trying while its memory is looked at.
pub(crate) const TRYING: Duration = Duration::from_secs(5);

impl Bench<'_> {
    /// Deliveries to one and to many receivers beside a bare client.
    pub(crate) async fn webhooks(&self) -> anyhow::Result<[Line; 2]> {
        let one = self.delivering("one fast receiver", 1).await?;
        let many = self.delivering(&format!("{RECEIVERS} fast receivers"), RECEIVERS).await?;
        Ok([one, many])
    }

    async fn delivering(&self, whom: &str, receivers: usize) -> anyhow::Result<Line> {
        let receiver = Server::receiver().await?;
        let what = format!("webhooks delivered and settled, {whom}");
        let start = async |name: &str| -> anyhow::Result<Waiting> {
            let server =
                Server::klatch(&self.place(&format!("webhooks-{receivers}-{name}"))).await?;
            Waiting::new(server, &receiver, receivers).await
        };
        let posts = start("sample").await?.posts(&receiver).await?;
        // As many as the bare client posts in the time that a measurement is to take.
        let pace = posts.send(PACED_BY).await?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a number of groups that can be made in seconds"
        )]
        let groups = (pace * self.args.seconds / receivers as f64).ceil() as u64;
        let mut turns = Vec::new();
        for round in 0..self.args.rounds {
            let klatch = start(&round.to_string()).await?.go(&receiver, groups).await?;
            let baseline = posts.send(groups * u64::try_from(receivers)?).await?;
            turns.push(progress(&what, klatch, baseline));
        }
        let what = format!("{what}; beside a bare client");
        // Many receivers at once are told of, not aimed at.
        let target = if receivers == 1 { Target::AtLeast(0.50) } else { Target::None };
        Ok(Line::beside(what, &turns, Unit::PerSecond, target))
    }

    /// From the call to the receivers, on a machine that does nothing else.
    pub(crate) async fn arrival(&self) -> anyhow::Result<[Line; 2]> {
        let one = self.arriving(1).await?;
        let many = self.arriving(RECEIVERS).await?;
        let what = "from the call to the receiver, idle machine, median";
        let one = Line::alone(what, one, Unit::Millis, Target::AtMost(5.0));
        let what = format!("from the call to the last of {RECEIVERS} receivers, median");
        Ok([one, Line::alone(&what, many, Unit::Millis, Target::None)])
    }

    async fn arriving(&self, receivers: usize) -> anyhow::Result<f64> {
        let (address, mut arrivals) = receiver::watch().await?;
        let server = Server::klatch(&self.place(&format!("arrival-{receivers}"))).await?;
        let business = server.furnish().await?;
        for index in 0..receivers {
            server.subscribe(&format!("http://{address}/{index}")).await?;
        }
        let mut client = Client::connect(server.address).await?;
        let mut create = creating(&business);
        let mut took = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            tokio::time::sleep(PAUSE).await;
            let begun = Instant::now();
            let created = client.json(create()?).await?;
            let id = created["id"].as_str().context("no id in the answer")?;
            let mut last = begun;
            for _ in 0..receivers {
                let arrival = tokio::time::timeout(PATIENCE, arrivals.recv()).await?;
                let arrival = arrival.context("the receiver has gone")?;
                let body = String::from_utf8_lossy(&arrival.body);
                ensure!(body.contains(id), "{id} was created, and the receiver was told {body}");
                last = last.max(arrival.at);
            }
            took.push(millis(last - begun));
        }
        Ok(report::median(took.into_iter()))
    }

    /// The memory of a server that has much to tell to nobody.
    pub(crate) async fn down(&self) -> anyhow::Result<Line> {
        let server = Server::klatch(&self.place("down")).await?;
        let business = server.furnish().await?;
        server.subscribe(&format!("http://{}", receiver::nobody().await?)).await?;
        let waiting = self.args.waiting;
        let working = async {
            let begun = Instant::now();
            create_groups(&server, &business, waiting, self.args.connections).await?;
            let took = begun.elapsed().as_secs_f64();
            tokio::time::sleep(TRYING).await;
            let after = self.load(&server).run(|_| creating(&business)).await?.per_second;
            #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
            let during = waiting as f64 / took;
            anyhow::Ok((during, after))
        };
        let (resident, (during, after)) = most_resident(&server, working).await?;
        eprintln!("creates while the receiver is down: {during:.0} /s, then {after:.0} /s");
        let what = format!("memory, a receiver that is down and {waiting} deliveries waiting");
        Ok(Line::alone(&what, resident, Unit::Megabytes, Target::AtMost(200.0)))
    }
}

/// A server whose receivers are told nothing until it is let go.
struct Waiting {
    server: Server,
    business: Caller,
    subscriptions: Vec<String>,
}

impl Waiting {
    async fn new(server: Server, receiver: &Server, receivers: usize) -> anyhow::Result<Self> {
        let business = server.furnish().await?;
        let mut subscriptions = Vec::with_capacity(receivers);
        for index in 0..receivers {
            let url = format!("http://{}/{index}", receiver.address);
            let subscription = server.subscribe(&url).await?;
            server.pause(&subscription).await?;
            subscriptions.push(subscription);
        }
        Ok(Self { server, business, subscriptions })
    }

    /// What this server is going to post, for somebody else to post it.
    async fn posts(&self, receiver: &Server) -> anyhow::Result<Posts> {
        let mut client = Client::connect(self.server.address).await?;
        client.json(creating(&self.business)()?).await?;
        let operator = operator()?;
        let list = client.json(operator.get("/klatch/v1/deliveries?limit=1")?).await?;
        let id = list["data"][0]["id"].as_str().context("nothing is owed")?;
        let delivery = client.json(operator.get(&format!("/klatch/v1/deliveries/{id}"))?).await?;
        let body = delivery["body"].as_str().context("no body in the answer")?.to_owned();
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let mut headers = sign::headers(Signing {
            dialect: Dialect::D360,
            vendor_signature: false,
            secrets: &Secrets { current: secret, old: None },
            id,
            at: Timestamp::from_millis(1_795_271_638_000),
            body: body.as_bytes(),
        });
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let receivers = self.subscriptions.len();
        let urls =
            (0..receivers).map(|index| format!("http://{}/{index}", receiver.address).parse());
        Ok(Posts {
            urls: urls.collect::<Result<_, _>>()?,
            headers,
            body: Bytes::from(body),
            connections: (receivers * CONCURRENCY).min(BARE_CONNECTIONS_MAX),
        })
    }

    /// Creates groups, lets their deliveries go, and waits until all of them are settled. Gives
    /// deliveries a second.
    async fn go(self, receiver: &Server, groups: u64) -> anyhow::Result<f64> {
        let Self { server, business, subscriptions } = self;
        create_groups(&server, &business, groups, BARE_CONNECTIONS_MAX).await?;
        let operator = operator()?;
        let mut asking = Client::connect(receiver.address).await?;
        let mut count = async || -> anyhow::Result<u64> {
            let (_, body) = asking.send(operator.get("/")?).await?;
            Ok(std::str::from_utf8(&body)?.parse()?)
        };
        let before = count().await?;
        let owed = groups * u64::try_from(subscriptions.len())?;
        let begun = Instant::now();
        for subscription in &subscriptions {
            server.resume(subscription).await?;
        }
        loop {
            let arrived = count().await? - before;
            if arrived >= owed {
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "{arrived} of {owed} deliveries have arrived");
            tokio::time::sleep(COUNT_EVERY).await;
        }
        let mut client = Client::connect(server.address).await?;
        loop {
            let pending = operator.get("/klatch/v1/deliveries?state=pending&limit=1")?;
            let pending = client.json(pending).await?;
            if pending["data"].as_array().is_some_and(Vec::is_empty) {
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "what has arrived is not settled");
            tokio::time::sleep(COUNT_EVERY).await;
        }
        let took = begun.elapsed().as_secs_f64();
        server.kill().await?;
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        Ok(owed as f64 / took)
    }
}

/// Creates so many groups, over so many connections.
async fn create_groups(
    server: &Server,
    business: &Caller,
    groups: u64,
    connections: usize,
) -> anyhow::Result<()> {
    let begun = Arc::<AtomicU64>::default();
    let mut creating_all = JoinSet::new();
    for _ in 0..connections {
        let (mut create, begun) = (creating(business), Arc::clone(&begun));
        let mut client = Client::connect(server.address).await?;
        creating_all.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < groups {
                client.json(create()?).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(created) = creating_all.join_next().await {
        created??;
    }
    Ok(())
}
