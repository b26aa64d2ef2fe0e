//! The table: what is measured for it, and the page that it stands on.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use klatch::webhook::memory::CONCURRENCY;

use crate::rows::{Bench, FEW};
use crate::webhooks::{BARE_CONNECTIONS_MAX, CALLS, PAUSE, RECEIVERS, TRYING};
use crate::{Row, TableArgs, report};

/// Measures what is asked for, prints the table, and writes it where asked.
pub(crate) async fn run(args: &TableArgs) -> anyhow::Result<ExitCode> {
    let bench = Bench::new(args)?;
    let environment = report::environment(bench.folder.path(), args.date.as_deref())?;
    let mut lines = Vec::new();
    if args.wants(Row::Reads) {
        lines.push(bench.reads().await?);
    }
    if args.wants(Row::Creates) {
        lines.extend(bench.creates().await?);
    }
    if args.wants(Row::Scale) || args.wants(Row::Memory) {
        lines.extend(bench.many().await?);
    }
    if args.wants(Row::Webhooks) {
        lines.extend(bench.webhooks().await?);
    }
    if args.wants(Row::Arrival) {
        lines.extend(bench.arrival().await?);
    }
    if args.wants(Row::Down) {
        lines.push(bench.down().await?);
    }
    if args.wants(Row::Startup) {
        lines.push(bench.startup().await?);
    }
    let table = report::table(&lines);
    println!("{table}\n{environment}");
    if let Some(path) = &args.write {
        std::fs::write(path, document(args, &table, &environment)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The table as a page of the documentation.
fn document(args: &TableArgs, table: &str, environment: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let TableArgs { seconds, rounds, connections, groups, waiting, starts, .. } = args;
    let (pause, trying) = (PAUSE.as_millis(), TRYING.as_secs());
    write!(
        text,
        "\
# Performance

Written by `cargo run --release -p bench -- --write`; absolute figures are this machine's, ratios
travel better.

{table}
{environment}.

How it was measured: load generator and server share the machine, each in a process of its own; so
does the constant that reads are held against, with the same connection settings. The bare loops
write the same rows into the same schema with the same pragmas, from one thread, without a server.
{connections} connections unless the line says otherwise, each asking again as soon as it is
answered. Measured and baseline took turns, {rounds} times {seconds} seconds each after a warm-up;
the figures are medians of the turns, and the ratio is the median of each turn's ratio. Reads ask
for every field of groups with two participants, in random order. Creates beside bare loops are owed
to a receiver that is paused: event, delivery and fsync are in the figure, the sending is not, and
the bare loops write the delivery as well. The databases of {groups} and of {FEW} groups were filled
with bare SQL; what the measurement itself created came on top, owed to nobody. A join is
a person joining a random group by its link and leaving it again. Memory is the resident set, at
its highest while reads, pages, creates and joins were going on together. The start is the median
of {starts}, from before the exec until the answer has arrived.

Webhooks: receivers are paused while so many groups are created that a bare client takes {seconds}
seconds to post what is owed; the time runs from their being resumed until everything has arrived
and is settled. The receiver is a process of its own that answers 200 at once; {RECEIVERS} receivers
are as many paths of it. The bare client posts the same number of the same bytes with the same
headers and client settings, over {CONCURRENCY} connections to one receiver and over
{BARE_CONNECTIONS_MAX} to many, and writes nothing down. From the call to the receiver is the median
of {CALLS} creates, one after the other over one connection with {pause} ms in between; the receiver
is in the process that calls, so that one clock times both ends. A receiver that is down is a port at
which nobody listens. Memory is then the highest while {waiting} groups were created, while the
server went on trying for {trying} seconds, and while groups were created once more: each create was
answered with 200.
",
    )?;
    Ok(text)
}
