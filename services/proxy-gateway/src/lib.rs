//! Sessions of proxies: route snapshots out, health and metrics in.
