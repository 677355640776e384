//! What is counted for load balancers and target groups, under CloudWatch's names (LB-40).

/// A counter. The order is that of [`Count::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Requests,
    GrpcRequests,
    Redirects,
    FixedResponses,
    RuleEvaluations,
    Elb3xx,
    Elb4xx,
    Elb5xx,
    Elb500,
    Elb502,
    Elb503,
    Elb504,
    Target2xx,
    Target3xx,
    Target4xx,
    Target5xx,
    TargetConnectionErrors,
    TargetTlsErrors,
    ClientTlsErrors,
    NewConnections,
    RejectedConnections,
    ProcessedBytes,
    NewFlows,
    NewFlowsTcp,
    NewFlowsTls,
    NewFlowsUdp,
    RejectedFlows,
    ProcessedBytesTcp,
    ProcessedBytesTls,
    ProcessedBytesUdp,
    ClientResets,
    TargetResets,
    ElbResets,
}

impl Count {
    pub const ALL: [Self; 33] = [
        Self::Requests,
        Self::GrpcRequests,
        Self::Redirects,
        Self::FixedResponses,
        Self::RuleEvaluations,
        Self::Elb3xx,
        Self::Elb4xx,
        Self::Elb5xx,
        Self::Elb500,
        Self::Elb502,
        Self::Elb503,
        Self::Elb504,
        Self::Target2xx,
        Self::Target3xx,
        Self::Target4xx,
        Self::Target5xx,
        Self::TargetConnectionErrors,
        Self::TargetTlsErrors,
        Self::ClientTlsErrors,
        Self::NewConnections,
        Self::RejectedConnections,
        Self::ProcessedBytes,
        Self::NewFlows,
        Self::NewFlowsTcp,
        Self::NewFlowsTls,
        Self::NewFlowsUdp,
        Self::RejectedFlows,
        Self::ProcessedBytesTcp,
        Self::ProcessedBytesTls,
        Self::ProcessedBytesUdp,
        Self::ClientResets,
        Self::TargetResets,
        Self::ElbResets,
    ];

    /// CloudWatch's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "RequestCount",
            Self::GrpcRequests => "GrpcRequestCount",
            Self::Redirects => "HTTP_Redirect_Count",
            Self::FixedResponses => "HTTP_Fixed_Response_Count",
            Self::RuleEvaluations => "RuleEvaluations",
            Self::Elb3xx => "HTTPCode_ELB_3XX_Count",
            Self::Elb4xx => "HTTPCode_ELB_4XX_Count",
            Self::Elb5xx => "HTTPCode_ELB_5XX_Count",
            Self::Elb500 => "HTTPCode_ELB_500_Count",
            Self::Elb502 => "HTTPCode_ELB_502_Count",
            Self::Elb503 => "HTTPCode_ELB_503_Count",
            Self::Elb504 => "HTTPCode_ELB_504_Count",
            Self::Target2xx => "HTTPCode_Target_2XX_Count",
            Self::Target3xx => "HTTPCode_Target_3XX_Count",
            Self::Target4xx => "HTTPCode_Target_4XX_Count",
            Self::Target5xx => "HTTPCode_Target_5XX_Count",
            Self::TargetConnectionErrors => "TargetConnectionErrorCount",
            Self::TargetTlsErrors => "TargetTLSNegotiationErrorCount",
            Self::ClientTlsErrors => "ClientTLSNegotiationErrorCount",
            Self::NewConnections => "NewConnectionCount",
            Self::RejectedConnections => "RejectedConnectionCount",
            Self::ProcessedBytes => "ProcessedBytes",
            Self::NewFlows => "NewFlowCount",
            Self::NewFlowsTcp => "NewFlowCount_TCP",
            Self::NewFlowsTls => "NewFlowCount_TLS",
            Self::NewFlowsUdp => "NewFlowCount_UDP",
            Self::RejectedFlows => "RejectedFlowCount",
            Self::ProcessedBytesTcp => "ProcessedBytes_TCP",
            Self::ProcessedBytesTls => "ProcessedBytes_TLS",
            Self::ProcessedBytesUdp => "ProcessedBytes_UDP",
            Self::ClientResets => "TCP_Client_Reset_Count",
            Self::TargetResets => "TCP_Target_Reset_Count",
            Self::ElbResets => "TCP_ELB_Reset_Count",
        }
    }

    /// Whether it counts events, each of them a sample of 1; otherwise it is an amount.
    pub fn is_of_events(self) -> bool {
        !matches!(
            self,
            Self::ProcessedBytes
                | Self::ProcessedBytesTcp
                | Self::ProcessedBytesTls
                | Self::ProcessedBytesUdp
                | Self::RuleEvaluations
        )
    }

    /// The class of a response that a target gave.
    pub fn of_target(status: u16) -> Option<Self> {
        Some(match status / 100 {
            2 => Self::Target2xx,
            3 => Self::Target3xx,
            4 => Self::Target4xx,
            5 => Self::Target5xx,
            _ => return None,
        })
    }

    /// The class of a response that the load balancer made, and the code itself where it is counted.
    pub fn of_balancer(status: u16) -> [Option<Self>; 2] {
        let class = match status / 100 {
            3 => Some(Self::Elb3xx),
            4 => Some(Self::Elb4xx),
            5 => Some(Self::Elb5xx),
            _ => None,
        };
        let code = match status {
            500 => Some(Self::Elb500),
            502 => Some(Self::Elb502),
            503 => Some(Self::Elb503),
            504 => Some(Self::Elb504),
            _ => None,
        };
        [class, code]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb40_each_count_stands_at_its_own_place_and_has_its_own_name() {
        for (place, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, place, "{}", count.name());
        }
        let names: std::collections::HashSet<_> = Count::ALL.iter().map(|count| count.name()).collect();
        assert_eq!(names.len(), Count::ALL.len());
    }

    #[test]
    fn lb40_codes_of_the_balancer_are_counted_by_class_and_some_by_themselves() {
        assert_eq!(
            Count::of_balancer(503),
            [Some(Count::Elb5xx), Some(Count::Elb503)]
        );
        assert_eq!(Count::of_balancer(460), [Some(Count::Elb4xx), None]);
        assert_eq!(Count::of_balancer(200), [None, None]);
        assert_eq!(Count::of_target(204), Some(Count::Target2xx));
    }
}
