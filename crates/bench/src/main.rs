//! Klatch's figures, each beside its own baseline in the same run; and a soak that looks for lost
//! updates.
//!
//! A bare loop or a constant on the same machine in the same minute is what a figure means
//! something against: [`table`] says what is measured, [`rows`] and [`webhooks`] measure, [`baseline`]
//! is what it is held against, [`load`] asks, [`receiver`] is told, [`process`] starts both, [`bulk`]
//! fills databases, [`report`] prints. [`soak`] is apart.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures from outside, with its own clock, tasks and random numbers"
)]

mod baseline;
mod bulk;
mod load;
mod process;
mod receiver;
mod report;
mod rows;
mod soak;
mod table;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures Klatch beside its baselines and prints a table.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let many clients change few groups, then look for lost updates.
    Soak(soak::SoakArgs),
    /// Serve a constant: the baseline of reads.
    #[command(hide = true)]
    Constant {
        /// The body of every answer.
        body: PathBuf,
    },
    /// Take whatever is posted: who is told by webhooks.
    #[command(hide = true)]
    Receive,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    /// Reading a group, beside a constant.
    Reads,
    /// Creating a group durably, beside bare loops.
    Creates,
    /// Many groups beside a thousand.
    Scale,
    /// Memory, idle and with many groups under load.
    Memory,
    /// Webhooks delivered and settled, beside a bare client.
    Webhooks,
    /// From the call to the receivers.
    Arrival,
    /// Memory while a receiver is down.
    Down,
    /// From exec to the first answer.
    Startup,
}

/// Sizes.
#[derive(Debug, clap::Args)]
struct TableArgs {
    /// What to measure; everything if left out.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Row>,
    /// Seconds of each single measurement, warm-up not counted.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How often measured and baseline take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How many groups are many.
    #[arg(long, default_value_t = 1_000_000)]
    groups: u64,
    /// How many deliveries wait for the receiver that is down.
    #[arg(long, default_value_t = 100_000)]
    waiting: u64,
    /// How many starts the median is taken of.
    #[arg(long, default_value_t = 21)]
    starts: usize,
    /// Where the databases are made; needs to be a disk for the figures to mean anything.
    #[arg(long, default_value = "target")]
    dir: PathBuf,
    /// Write the table to a file as well.
    #[arg(long, num_args = 0..=1, default_missing_value = "docs/performance.md", value_name = "PATH")]
    write: Option<PathBuf>,
    /// Date to put beside the table.
    #[arg(long)]
    date: Option<String>,
}

impl TableArgs {
    fn wants(&self, row: Row) -> bool {
        self.only.is_empty() || self.only.contains(&row)
    }

    fn lasting(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> ExitCode {
    // Started again under another name, this program is the server: nothing else need be built.
    if std::env::args_os().next().is_some_and(|name| name == process::KLATCH) {
        return klatch::cli::main();
    }
    let cli = Cli::parse();
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Soak(args)) => soak::run(&args).await,
        Some(Command::Constant { body }) => baseline::serve_constant(&body).await,
        Some(Command::Receive) => receiver::count().await,
        None => table::run(&cli.table).await,
    }
}
