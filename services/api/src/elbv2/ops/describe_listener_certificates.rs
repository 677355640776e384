use aws_model::elbv2::types::{
    Certificate, DescribeListenerCertificatesInput, DescribeListenerCertificatesOutput,
};

use crate::elbv2::listeners;
use crate::elbv2::paging::Page;
use crate::{Context, Result};

/// DescribeListenerCertificates: the default one first, then the others. One that was also added for SNI is shown twice, as AWS does.
pub async fn describe_listener_certificates(
    cx: &Context,
    input: DescribeListenerCertificatesInput,
) -> Result<DescribeListenerCertificatesOutput> {
    let listener = listeners::listener(cx, &input.listener_arn).await?;
    let page = Page::new(
        "DescribeListenerCertificates",
        input.marker.as_deref(),
        input.page_size,
    )?;
    let shown = |arn: String, is_default| Certificate {
        certificate_arn: Some(arn),
        is_default: Some(is_default),
    };
    let first = listener.certificate_arn.filter(|_| page.after().is_empty());
    let mut certificates: Vec<Certificate> = first.into_iter().map(|arn| shown(arn, true)).collect();
    let after = page.after().trim_start_matches('-');
    let others = store::listeners::certificates(cx.db(), &listener.arn, after, page.fetch()).await?;
    certificates.extend(others.into_iter().map(|arn| shown(arn, false)));
    // `-`: after the default one, before all others.
    let (certificates, next_marker) = page.cut(certificates, |last| {
        match (last.is_default, &last.certificate_arn) {
            (Some(false), Some(arn)) => arn.clone(),
            _ => "-".to_owned(),
        }
    });
    Ok(DescribeListenerCertificatesOutput {
        certificates: Some(certificates),
        next_marker,
    })
}
