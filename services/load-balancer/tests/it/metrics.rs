//! LB-40: what was counted, in both forms.

use std::time::Duration;

use kit::{Shutdown, Tasks};
use load_balancer::metrics::{Metrics, serve};
use load_balancer::record::{ConnectionEvent, Observer, Record};
use routing::message::{MetricsRow, Statistics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::access_log::{record, state};
use crate::world::{BALANCER, GROUP, LISTENER, at, soon};

fn metric(row: &MetricsRow, name: &str) -> Option<Statistics> {
    row.metrics
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, statistics)| *statistics)
}

#[tokio::test]
async fn lb40_a_minute_tells_of_the_balancer_and_of_its_group() {
    let state = state();
    let metrics = Metrics::new(state.clone());
    let routes = state.routes();
    let listener = &routes.listeners[LISTENER];
    let group = state.group(GROUP).unwrap();
    let view = group.view_owned();
    metrics.connection(ConnectionEvent::Opened { listener });
    for _ in 0..2 {
        metrics.connection(ConnectionEvent::TargetConnectFailed {
            group: &group,
            target: &view.targets[0],
        });
    }
    metrics.request(&record(listener));
    for milliseconds in [10, 30] {
        metrics.request(&Record {
            group: Some(&group),
            target: Some(&view.targets[0]),
            target_processing: Some(Duration::from_millis(milliseconds)),
            elb_status: Some(200),
            target_status: Some(200),
            ..record(listener)
        });
    }
    let minute = at("2026-01-01T00:00:00Z");
    let closed = metrics.close_minute(minute);
    assert_eq!(closed.minute, minute);
    let of_group = closed
        .rows
        .iter()
        .find(|row| row.target_group.as_deref() == Some(GROUP))
        .unwrap();
    let of_balancer = closed.rows.iter().find(|row| row.target_group.is_none()).unwrap();
    assert_eq!(
        (of_group.balancer.as_str(), of_balancer.balancer.as_str()),
        (BALANCER, BALANCER)
    );
    for row in [of_group, of_balancer] {
        assert_eq!(metric(row, "RequestCount").unwrap().sum, 2.0);
        assert_eq!(metric(row, "HTTPCode_Target_2XX_Count").unwrap().sum, 2.0);
        assert_eq!(metric(row, "TargetConnectionErrorCount").unwrap().sum, 2.0);
        let times = metric(row, "TargetResponseTime").unwrap();
        assert_eq!((times.samples, times.minimum, times.maximum), (2, 0.01, 0.03));
    }
    assert_eq!(metric(of_balancer, "HTTPCode_ELB_503_Count").unwrap().sum, 1.0);
    assert_eq!(metric(of_balancer, "HTTPCode_ELB_5XX_Count").unwrap().sum, 1.0);
    assert_eq!(metric(of_balancer, "ActiveConnectionCount").unwrap().sum, 1.0);
    assert_eq!(metric(of_group, "HTTPCode_ELB_5XX_Count"), None);
    assert_eq!(metric(of_group, "RequestCountPerTarget").unwrap().sum, 2.0);
    assert_eq!(metric(of_group, "HealthyHostCount").unwrap().sum, 1.0);

    metrics.connection(ConnectionEvent::Closed { listener });
    let next = metrics.close_minute(minute);
    assert_eq!(
        next.rows.len(),
        1,
        "only the health of hosts is told without requests"
    );
    assert_eq!(metric(&next.rows[0], "UnHealthyHostCount").unwrap().sum, 0.0);
}

#[tokio::test]
async fn prometheus_reads_all_series_over_http() {
    let state = state();
    let metrics = Metrics::new(state.clone());
    metrics.request(&record(&state.routes().listeners[LISTENER]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("metrics", serve(listener, metrics, tasks.clone()));
    let get = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("an answer", stream.read_to_string(&mut answer))
            .await
            .unwrap();
        answer
    };
    let page = get("/metrics").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(page.contains(&format!(
        "\nberth_lb_requests_total{{listener=\"{LISTENER}\",class=\"5xx\"}} 1\n"
    )));
    assert!(page.contains(&format!(
        "\nberth_lb_own_responses_total{{balancer=\"{BALANCER}\",code=\"503\"}} 1\n"
    )));
    assert!(page.contains(&format!(
        "\nberth_lb_target_healthy{{target_group=\"{GROUP}\",target=\"10.0.0.1:80\"}} 1\n"
    )));
    assert!(page.contains("\n# TYPE berth_lb_request_duration_seconds histogram\n"));
    assert!(get("/").await.starts_with("HTTP/1.1 404 "));
    tasks.drain(Duration::from_secs(5)).await;
}
