//! The terminal. `dev` and `serve` run a server; everything else talks to one that runs.

mod client;
mod dev;
mod directory;
mod listen;
mod people;
mod receiver;
pub mod tour;
mod webhook;

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use wire::Dialect;

use self::directory::{AccountCommand, KeyCommand, NumberCommand};
use self::listen::ListenArgs;
use self::people::{GroupCommand, PersonCommand};
use self::webhook::{DeliveryCommand, EventCommand, WebhookCommand};
use crate::config::{ClientArgs, DataArgs, DevArgs, EXAMPLE, ServeArgs, unknown_variables};
use crate::lifecycle::{Running, StopSignals};
use crate::mint::Mint;
use crate::openapi::DOCUMENTS;
use crate::runtime::Runtime;
use crate::store::sqlite::backup;
use crate::telemetry;
use crate::words::dialects;

/// One server for WhatsApp group management that speaks several vendors' APIs.
#[derive(Debug, Parser)]
#[command(name = "klatch", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a sandbox: an account, a number and a key are there, and people can be played.
    Dev(DevArgs),
    /// Run the server.
    Serve(ServeArgs),
    /// Copy the database of a server, running or not, to a new file.
    ///
    /// The copy is consistent, checked, and readable by its owner alone. To restore it, stop the
    /// server, put the copy into an empty data folder as `klatch.db`, and start.
    Backup {
        /// The copy. Must not exist.
        file: PathBuf,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show what can be set.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Play one whole life of a group on a private server and print each exchange.
    Tour {
        /// In whose words.
        #[arg(long, value_parser = dialects(), default_value = Dialect::META.name)]
        dialect: Dialect,
    },
    /// Manage accounts on a running server.
    Account {
        #[command(subcommand)]
        command: AccountCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Manage numbers on a running server.
    Number {
        #[command(subcommand)]
        command: NumberCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Manage keys on a running server.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Manage who is told on a running server.
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Look at what was told, and tell it once more.
    Delivery {
        #[command(subcommand)]
        command: DeliveryCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Look at what happened.
    Event {
        #[command(subcommand)]
        command: EventCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Receive webhooks in the terminal: shown as they arrive, and handed on to your program.
    Listen {
        #[command(flatten)]
        args: ListenArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Play a person: join, cancel, leave, show.
    Person {
        /// The person's phone number.
        wa_id: String,
        #[command(subcommand)]
        command: PersonCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Play WhatsApp: suspend a group, restore it.
    Group {
        #[command(subcommand)]
        command: GroupCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Print an OpenAPI document.
    Openapi {
        /// Which: meta, d360, sinch, klatch.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(DOCUMENTS.each_ref().map(|d| d.name)))]
        document: String,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print a settings file with every setting, its meaning and its default.
    Example,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|executor| executor.block_on(run(cli.command, Runtime::system())));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("klatch: {}", telemetry::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}

async fn run(command: Command, runtime: Runtime) -> anyhow::Result<()> {
    match command {
        Command::Dev(args) => {
            let (settings, log) = args.resolve(&Mint::new(runtime.clone()))?;
            telemetry::start(&log.filter, log.format)?;
            dev::run(&settings, runtime).await
        }
        Command::Serve(args) => {
            let (settings, log) = args.resolve()?;
            telemetry::start(&log.filter, log.format)?;
            for variable in unknown_variables(&Cli::command()) {
                tracing::warn!(variable, "this variable of the environment is not a setting");
            }
            let signals = StopSignals::listen()?;
            let server = Running::start(&settings, runtime).await?;
            let version = env!("CARGO_PKG_VERSION");
            let (address, data, people) = (server.address, settings.storage, settings.people);
            tracing::info!(version, %address, %data, people, "klatch is up");
            signals.stop(server).await;
            Ok(())
        }
        Command::Backup { file, data } => {
            let folder = data.resolve()?;
            runtime.spawn_blocking(move || backup::backup(&folder, &file)).await??;
            Ok(())
        }
        Command::Config { command: ConfigCommand::Example } => {
            Ok(write!(std::io::stdout(), "{EXAMPLE}")?)
        }
        Command::Tour { dialect } => tour::run(dialect, runtime).await,
        Command::Account { command, client } => command.run(&client).await,
        Command::Number { command, client } => command.run(&client).await,
        Command::Key { command, client } => command.run(&client).await,
        Command::Webhook { command, client } => command.run(&client, &runtime).await,
        Command::Delivery { command, client } => command.run(&client).await,
        Command::Event { command, client } => command.run(&client).await,
        Command::Listen { args, client } => listen::run(args, &client, runtime).await,
        Command::Person { wa_id, command, client } => command.run(&wa_id, &client).await,
        Command::Group { command, client } => command.run(&client).await,
        Command::Openapi { document } => {
            for known in DOCUMENTS.iter().filter(|known| known.name == document) {
                write!(std::io::stdout(), "{}", known.json())?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
