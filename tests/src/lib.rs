//! Tests of a running Berth by real clients.
