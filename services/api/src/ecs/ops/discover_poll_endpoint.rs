use aws_model::ecs::types::{DiscoverPollEndpointRequest, DiscoverPollEndpointResponse};

use crate::{Context, Result};

/// DiscoverPollEndpoint: where agents open their websockets. They append `/ws` and remember the answer for hours, so it is the same for
/// all and for ever; which cluster and instance it is about is asked at the websocket.
pub async fn discover_poll_endpoint(
    cx: &Context,
    _input: DiscoverPollEndpointRequest,
) -> Result<DiscoverPollEndpointResponse> {
    let base = cx.api.config.advertise_url.trim_end_matches('/');
    Ok(DiscoverPollEndpointResponse {
        endpoint: Some(format!("{base}/agent/acs")),
        telemetry_endpoint: Some(format!("{base}/agent/tcs")),
        service_connect_endpoint: None,
    })
}
