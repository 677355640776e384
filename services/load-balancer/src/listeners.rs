//! Listening sockets: which are open, which balancer's listener each serves, and what stands in the way of the others. A socket that goes
//! on being wanted is never closed, whatever else changes.

mod accept;
mod bind;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use kit::{Shutdown, Tasks};
use parking_lot::Mutex;
use routing::cidr::Cidr;
use routing::message::ListenerStatus;
use routing::snapshot::ListenerProtocol;
use serde::{Deserialize, Serialize};

use crate::plane::Plane;
use crate::state::{LiveBalancer, LiveListener, Routes};

pub use bind::Socket;

/// How often sockets that could not be opened are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Where a socket listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub transport: Transport,
    pub address: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    Tcp,
    Udp,
}

/// The sockets of a proxy.
pub struct Listeners {
    plane: Arc<Plane>,
    tasks: Tasks,
    /// Single addresses that all balancers share, and blocks of which each balancer has one.
    addresses: Vec<Cidr>,
    stop: Shutdown,
    /// The process before still takes connections, and knows more than this one does.
    waiting: AtomicBool,
    sockets: Mutex<Sockets>,
}

#[derive(Default)]
struct Sockets {
    open: HashMap<Place, Open>,
    /// From the process before this one, not yet wanted by a listener.
    inherited: HashMap<Place, OwnedFd>,
    /// What was said of each balancer last: its revision and how its listeners stand.
    told: HashMap<String, (i64, Vec<ListenerStatus>)>,
}

struct Open {
    socket: Socket,
    /// ARN of the listener that is served.
    listener: Arc<ArcSwap<String>>,
    stop: Shutdown,
}

impl Listeners {
    /// Sockets on `addresses`, none open yet. `inherited`: those of the process before, which goes on serving: none is opened before
    /// [`Self::begin`] then.
    pub fn new(
        plane: Arc<Plane>,
        tasks: Tasks,
        addresses: Vec<Cidr>,
        inherited: Option<Vec<(Place, OwnedFd)>>,
    ) -> Arc<Self> {
        let waiting = AtomicBool::new(inherited.is_some());
        let sockets = Sockets {
            inherited: inherited.into_iter().flatten().collect(),
            ..Sockets::default()
        };
        Arc::new(Self {
            plane,
            stop: tasks.shutdown().child(),
            tasks,
            addresses,
            waiting,
            sockets: Mutex::new(sockets),
        })
    }

    /// Opens and closes sockets until they are what the routes ask for, and tells of balancers whose listeners stand otherwise than
    /// before, or whose revision is new.
    pub fn reconcile(&self) {
        if self.stop.is_requested() || self.waiting.load(Ordering::Acquire) {
            return;
        }
        let mut sockets = self.sockets.lock();
        let routes = self.plane.state.routes();
        let mut plan = Plan::default();
        for balancer in in_order(&routes) {
            plan.add(balancer, &routes, self);
        }
        sockets.open.retain(|place, open| {
            let wanted = plan.wanted.contains_key(place);
            if !wanted {
                open.stop.request();
            }
            wanted
        });
        for (place, arn) in &plan.wanted {
            match sockets.open.get(place) {
                Some(open) => {
                    if open.listener.load().as_str() != arn {
                        open.listener.store(Arc::new(arn.clone()));
                    }
                }
                None => {
                    let inherited = sockets.inherited.remove(place);
                    match bind::open(*place, inherited) {
                        Ok(socket) => {
                            let open = self.serve(*place, socket, arn);
                            sockets.open.insert(*place, open);
                        }
                        Err(error) => {
                            plan.failures
                                .entry(arn.clone())
                                .or_insert_with(|| bind::sentence(*place, &error));
                        }
                    }
                }
            }
        }
        let statuses = plan.statuses(&routes, &sockets);
        sockets.told.retain(|arn, _| routes.balancers.contains_key(arn));
        for (balancer, status) in statuses {
            let told = sockets.told.get(&balancer.arn);
            if told.is_none_or(|told| told.0 != balancer.revision || told.1 != status) {
                self.plane
                    .events
                    .applied(&balancer.arn, balancer.revision, status.clone());
                sockets
                    .told
                    .insert(balancer.arn.clone(), (balancer.revision, status));
            }
        }
    }

    /// Takes connections from here on, beside the process before until that is relieved.
    pub fn begin(&self) {
        self.waiting.store(false, Ordering::Release);
        self.reconcile();
    }

    /// How the listeners of all balancers stand, as it was told last, with the revisions in force.
    pub fn statuses(&self) -> Vec<(String, i64, Vec<ListenerStatus>)> {
        let sockets = self.sockets.lock();
        let told = sockets.told.iter();
        told.map(|(arn, (revision, status))| (arn.clone(), *revision, status.clone()))
            .collect()
    }

    /// Tries again what could not be opened, until the shutdown.
    pub async fn retry(self: Arc<Self>) {
        while self
            .stop
            .unless_requested(tokio::time::sleep(RETRY))
            .await
            .is_some()
        {
            let failed = |(_, status): &(i64, Vec<ListenerStatus>)| {
                status.iter().any(|status| status.failure.is_some())
            };
            let any = self.sockets.lock().told.values().any(failed);
            if any {
                self.reconcile();
            }
        }
    }

    /// Copies of all open sockets, for the process after this one.
    ///
    /// # Errors
    /// When the process has too many open files.
    pub fn duplicate(&self) -> std::io::Result<Vec<(Place, OwnedFd)>> {
        let sockets = self.sockets.lock();
        let open = sockets.open.iter();
        open.map(|(place, open)| Ok((*place, open.socket.duplicate()?)))
            .collect()
    }

    /// Sockets of the process before that no listener wanted are closed.
    pub fn drop_inherited(&self) {
        self.sockets.lock().inherited.clear();
    }

    /// Takes no more connections. Those that are open go on.
    pub fn close(&self) {
        self.stop.request();
        self.sockets.lock().open.clear();
    }

    fn serve(&self, place: Place, socket: Socket, arn: &str) -> Open {
        let listener = Arc::new(ArcSwap::from_pointee(arn.to_owned()));
        let stop = self.stop.child();
        let name = format!("{:?} {}", place.transport, place.address).to_lowercase();
        accept::spawn(
            &self.tasks,
            name,
            self.plane.clone(),
            socket.clone(),
            listener.clone(),
            stop.clone(),
        );
        Open {
            socket,
            listener,
            stop,
        }
    }

    /// The balancer's addresses, or why it has none in a block.
    fn addresses_of<'a>(
        &'a self,
        balancer: &'a LiveBalancer,
    ) -> impl Iterator<Item = Result<IpAddr, String>> + 'a {
        self.addresses.iter().map(|block| {
            let number = u64::try_from(balancer.number).unwrap_or_default();
            if block.size() == 1 {
                Ok(block.nth(0))
            } else if number < block.size() {
                Ok(block.nth(number))
            } else {
                Err(format!(
                    "the block {block} has no address for load balancer number {number}"
                ))
            }
        })
    }
}

/// Balancers by age: who was there first keeps a port that two want.
fn in_order(routes: &Routes) -> Vec<&Arc<LiveBalancer>> {
    let mut balancers: Vec<_> = routes.balancers.values().collect();
    balancers.sort_by_key(|balancer| balancer.number);
    balancers
}

/// Which sockets are wanted, and what is wrong with listeners by ARN.
#[derive(Default)]
struct Plan {
    wanted: BTreeMap<Place, String>,
    failures: HashMap<String, String>,
}

impl Plan {
    fn add(&mut self, balancer: &LiveBalancer, routes: &Routes, listeners: &Listeners) {
        let terminations = listeners.plane.terminations.load();
        for listener in balancer
            .listeners
            .iter()
            .filter_map(|arn| routes.listeners.get(arn))
        {
            let arn = &listener.config.arn;
            if listener.config.tls.is_some()
                && let Some(Err(error)) = terminations.get(arn)
            {
                self.failures.insert(arn.clone(), error.to_string());
                continue;
            }
            for address in listeners.addresses_of(balancer) {
                match address {
                    Ok(address) => self.want(address, listener, routes),
                    Err(failure) => {
                        self.failures.entry(arn.clone()).or_insert(failure);
                    }
                }
            }
        }
    }

    fn want(&mut self, address: IpAddr, listener: &LiveListener, routes: &Routes) {
        let address = SocketAddr::new(address, listener.config.port);
        for transport in transports(listener.config.protocol) {
            let place = Place {
                transport: *transport,
                address,
            };
            match self.wanted.get(&place) {
                None => {
                    self.wanted.insert(place, listener.config.arn.clone());
                }
                Some(other) => {
                    let other = routes
                        .listeners
                        .get(other)
                        .map_or("another", |other| other.balancer.name.as_str());
                    let failure = format!(
                        "port {} of {} is used by load balancer {other}",
                        address.port(),
                        address.ip()
                    );
                    self.failures
                        .entry(listener.config.arn.clone())
                        .or_insert(failure);
                }
            }
        }
    }

    fn statuses<'a>(
        &self,
        routes: &'a Routes,
        sockets: &Sockets,
    ) -> Vec<(&'a Arc<LiveBalancer>, Vec<ListenerStatus>)> {
        let status = |arn: &String| {
            let places = self
                .wanted
                .iter()
                .filter(|(place, wanted)| *wanted == arn && sockets.open.contains_key(place));
            let mut addresses: Vec<SocketAddr> = places.map(|(place, _)| place.address).collect();
            addresses.dedup();
            ListenerStatus {
                listener: arn.clone(),
                addresses,
                failure: self.failures.get(arn).cloned(),
            }
        };
        let balancers = in_order(routes).into_iter();
        balancers
            .map(|balancer| (balancer, balancer.listeners.iter().map(status).collect()))
            .collect()
    }
}

fn transports(protocol: ListenerProtocol) -> &'static [Transport] {
    match protocol {
        ListenerProtocol::Udp => &[Transport::Udp],
        ListenerProtocol::TcpUdp => &[Transport::Tcp, Transport::Udp],
        ListenerProtocol::Http | ListenerProtocol::Https | ListenerProtocol::Tcp | ListenerProtocol::Tls => {
            &[Transport::Tcp]
        }
    }
}
