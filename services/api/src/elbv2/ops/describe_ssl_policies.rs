use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    Cipher, DescribeSSLPoliciesInput, DescribeSSLPoliciesOutput, LoadBalancerTypeEnum, SslPolicy,
};
use routing::Kind;
use routing::ssl_policy::{self, POLICIES, TlsProtocol};

use crate::elbv2::paging::Page;
use crate::{Context, Error, Result};

/// DescribeSSLPolicies: all, or the named ones, every one of which has to be there (LB-39).
pub async fn describe_ssl_policies(
    _cx: &Context,
    input: DescribeSSLPoliciesInput,
) -> Result<DescribeSSLPoliciesOutput> {
    let page = Page::new("DescribeSSLPolicies", input.marker.as_deref(), input.page_size)?;
    let names = input.names.unwrap_or_default();
    if names
        .iter()
        .any(|name| ssl_policy::SslPolicy::named(name).is_none())
    {
        return Err(Error::new(
            ErrorCode::SSLPolicyNotFoundException,
            "One or more SSL policies not found",
        ));
    }
    let kinds: &[Kind] = match input.load_balancer_type {
        None => &[Kind::Application, Kind::Network],
        Some(LoadBalancerTypeEnum::Application) => &[Kind::Application],
        Some(LoadBalancerTypeEnum::Network) => &[Kind::Network],
        Some(LoadBalancerTypeEnum::Gateway) => &[],
    };
    let after = page.after();
    let wanted = POLICIES
        .iter()
        .skip_while(|policy| !after.is_empty() && policy.name != after)
        .skip(usize::from(!after.is_empty()))
        .filter(|policy| names.is_empty() || names.iter().any(|name| name == policy.name))
        .filter(|policy| kinds.iter().any(|kind| policy.supports(*kind)));
    let (shown, next_marker) = page.cut(wanted.map(shown).collect(), |policy: &SslPolicy| {
        policy.name.clone().unwrap_or_default()
    });
    Ok(DescribeSSLPoliciesOutput {
        ssl_policies: Some(shown),
        next_marker,
    })
}

fn shown(policy: &ssl_policy::SslPolicy) -> SslPolicy {
    let types = [
        (Kind::Application, LoadBalancerTypeEnum::Application),
        (Kind::Network, LoadBalancerTypeEnum::Network),
    ];
    let supported = types.into_iter().filter(|(kind, _)| policy.supports(*kind));
    let cipher = |(priority, name): (i32, &str)| Cipher {
        name: Some(name.to_owned()),
        priority: Some(priority),
    };
    SslPolicy {
        ssl_protocols: Some(
            policy
                .protocols()
                .map(TlsProtocol::name)
                .map(str::to_owned)
                .collect(),
        ),
        ciphers: Some((1..).zip(policy.ciphers()).map(cipher).collect()),
        name: Some(policy.name.to_owned()),
        supported_load_balancer_types: Some(supported.map(|(_, kind)| kind.to_string()).collect()),
    }
}
