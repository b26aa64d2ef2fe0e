//! From settings to a running server, and to an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, AppSettings, leases};
use crate::config::{Settings, Storage};
use crate::directory::KeyHash;
use crate::metrics::Metrics;
use crate::port::Port;
use crate::port::connections::Limits;
use crate::port::server::Server;
use crate::runtime::Runtime;
use crate::sandbox::Credentials;
use crate::store::ChangeError;
use crate::store::StoreError;
use crate::store::sqlite::Sqlite;
use crate::webhook::dispatch;
use crate::webhook::lookup::SystemLookup;
use crate::webhook::send::Outbound;
use crate::{descriptors, sandbox};

/// How often old idempotency receipts and deliveries are forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// How often it is looked for leases that have ended.
const LEASES_EVERY: Duration = Duration::from_secs(10);
/// How long after the start none is ended.
const LEASES_AFTER_START: Duration = Duration::from_mins(1);

/// A server that is up.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it is made of.
    pub app: App,
    /// The secrets of the sandbox, where it is one.
    pub sandbox: Option<Credentials>,
    stop: CancellationToken,
    serving: JoinHandle<bool>,
    sweeping: JoinHandle<()>,
    dispatching: JoinHandle<()>,
    grace: Duration,
}

impl Running {
    /// Opens the store, binds the socket and begins to serve.
    pub async fn start(settings: &Settings, runtime: Runtime) -> anyhow::Result<Self> {
        let metrics = Metrics::default();
        let store = match &settings.storage {
            Storage::Memory => Sqlite::in_memory(&runtime, &metrics)?,
            Storage::Folder(folder) => Sqlite::open(folder, &runtime, &metrics)?,
        };
        let lookup = Arc::new(SystemLookup::default());
        let outbound = Outbound::new(runtime.clone(), settings.egress.clone(), lookup)?;
        let app = App::new(
            Arc::new(store),
            runtime.clone(),
            metrics,
            outbound,
            AppSettings {
                admin_token: KeyHash::of(&settings.admin_token),
                people: settings.people,
                public_url: settings.public_url.clone(),
                hosts: settings.hosts.clone(),
                proxies: settings.proxies.clone(),
                body_timeout: settings.body_timeout,
                retention: settings.retention,
            },
        );
        app.watch_clock().await?;
        let sandbox = if let Some(credentials) = &settings.sandbox {
            Some(sandbox::seed(&app, credentials, settings.sandbox_answers).await?)
        } else {
            warn_of_what_is_unset(settings, &app).await?;
            None
        };
        let connections = descriptors::connections(descriptors::raise());
        let limits = Limits {
            connections,
            per_address: settings.connections_per_address.unwrap_or(connections.div_ceil(4)),
            write_timeout: settings.write_timeout,
            proxies: settings.proxies.clone(),
        };
        let server = Server::bind(settings.listen, limits)
            .await
            .map_err(|error| cannot_listen(settings.listen, error))?;
        let address = server.address()?;
        let stop = CancellationToken::new();
        let serving = server.serve(Port::new(app.clone()), stop.clone(), settings.grace);
        let serving = runtime.spawn(serving);
        let leases = end_leases(app.clone(), stop.clone());
        let sweep = sweep(app.clone(), stop.clone());
        let sweeping = runtime.spawn(async {
            tokio::join!(sweep, leases);
        });
        let dispatching = runtime.spawn(dispatch::run(app.dispatch.clone(), stop.clone()));
        let grace = settings.grace;
        Ok(Self { address, app, sandbox, stop, serving, sweeping, dispatching, grace })
    }

    /// Stops accepting, lets running requests and deliveries finish, closes the store. Gives whether
    /// all of them finished within the grace period. Deliveries that did not are made again at the
    /// next start.
    pub async fn stop(self) -> bool {
        self.stop.cancel();
        let mut dispatching = self.dispatching;
        let dispatched = self.app.runtime.timeout(self.grace, &mut dispatching);
        let (served, dispatched) = tokio::join!(self.serving, dispatched);
        dispatching.abort();
        let _ = self.sweeping.await;
        self.app.warnings.finish();
        served.unwrap_or(false) && dispatched.is_ok()
    }
}

/// Hears when the program is asked to end: by the system (SIGTERM), or by a person (Ctrl-C).
/// Made before the server is up, so that no request to end is missed.
pub struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    /// Begins to listen.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for one, then stops the server in order.
    pub async fn stop(mut self, server: Running) {
        tokio::select! {
            biased;
            _ = self.term.recv() => tracing::info!("told to stop (SIGTERM)"),
            _ = self.int.recv() => tracing::info!("told to stop (SIGINT)"),
        }
        if server.stop().await {
            tracing::info!("stopped");
        } else {
            tracing::warn!(
                "stopped; some requests or deliveries did not finish within the grace period"
            );
        }
    }
}

/// Says what a server for others should not be without.
async fn warn_of_what_is_unset(settings: &Settings, app: &App) -> Result<(), StoreError> {
    if app.opening(sandbox::KEY).await?.is_some() {
        let key = sandbox::KEY;
        tracing::warn!("the key {key}, which everybody knows, opens an account here: revoke it");
    }
    if settings.public_url.is_none() && settings.proxies.is_empty() {
        tracing::warn!(
            "public_url is not set: next and previous in lists repeat the Host of each request, and \
             say http"
        );
    }
    Ok(())
}

fn cannot_listen(address: SocketAddr, error: std::io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            " (another klatch may be running; --listen 127.0.0.1:0 takes a free port)"
        }
        _ => "",
    };
    anyhow::Error::new(error).context(format!("cannot listen on {address}{hint}"))
}

/// Removes subscriptions that are not renewed any more. Not at once after the start, because no lease
/// could be renewed while the server was down.
async fn end_leases(app: App, stop: CancellationToken) {
    let mut ticks = app.runtime.interval(LEASES_AFTER_START, LEASES_EVERY);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(ChangeError::Store(error)) = leases::end(&app).await {
            error.log();
        }
    }
}

async fn sweep(app: App, stop: CancellationToken) {
    let mut ticks = app.runtime.interval(Duration::ZERO, SWEEP_EVERY);
    let mut minutes = app.runtime.interval(Duration::ZERO, Duration::from_mins(1));
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = minutes.tick() => {
                app.warnings.flush(app.runtime.now());
                continue;
            }
            _ = ticks.tick() => {}
        }
        match app.sweep().await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "forgot what was too old"),
            Err(error) => error.log(),
        }
    }
}
