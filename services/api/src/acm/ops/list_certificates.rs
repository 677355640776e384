use aws_model::acm::ErrorCode;
use aws_model::acm::types::{
    CertificateExport, Filters, KeyAlgorithm, ListCertificatesRequest, ListCertificatesResponse, SortBy,
    SortOrder,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::certificates::CertificateRow;

use crate::acm::view;
use crate::{Context, Error, Result};

/// Items of a page when nothing else is asked for, which is also the most.
const PAGE: usize = 1000;

/// ListCertificates: oldest first. Without a filter by key types only RSA_1024 and RSA_2048 are shown, as AWS does.
pub async fn list_certificates(
    cx: &Context,
    input: ListCertificatesRequest,
) -> Result<ListCertificatesResponse> {
    let descending = input.sort_order == Some(SortOrder::Descending);
    if input.sort_order.is_some() != input.sort_by.is_some() {
        return Err(Error::new(
            ErrorCode::InvalidArgsException,
            "SortBy and SortOrder have to be specified together.",
        ));
    }
    let _: Option<SortBy> = input.sort_by;
    let filters = input.includes.unwrap_or_default();
    let statuses = input.certificate_statuses.unwrap_or_default();
    let mut rows = store::certificates::all(cx.db(), &cx.scope).await?;
    if descending {
        rows.reverse();
    }
    rows.retain(|row| {
        let status = view::status(row, cx.now());
        (statuses.is_empty() || status.is_some_and(|status| statuses.contains(&status)))
            && passes(&filters, row)
    });
    if let Some(token) = input.next_token.as_deref() {
        let after = opened(token).ok_or_else(invalid_token)?;
        // The certificate that the last page ended with may be gone, or no longer be one of those that are asked for.
        rows.retain(|row| match descending {
            true => position(row) < after,
            false => position(row) > after,
        });
    }
    let size = input
        .max_items
        .and_then(|items| usize::try_from(items).ok())
        .unwrap_or(PAGE)
        .clamp(1, PAGE);
    let more = rows.len() > size;
    rows.truncate(size);
    let next_token = rows.last().filter(|_| more).map(|row| {
        let (created_at, arn) = position(row);
        URL_SAFE_NO_PAD.encode(format!("{created_at} {arn}"))
    });
    let arns: Vec<String> = rows.iter().map(|row| row.arn.clone()).collect();
    let users = store::certificates::in_use_by(cx.db(), &arns).await?;
    let summaries = rows.into_iter().map(|row| {
        let in_use = users.contains_key(&row.arn);
        view::summary(row, in_use, cx.now())
    });
    Ok(ListCertificatesResponse {
        certificate_summary_list: Some(summaries.collect()),
        next_token,
    })
}

fn passes(filters: &Filters, row: &CertificateRow) -> bool {
    let details = &row.details.0;
    let algorithm: Option<KeyAlgorithm> = details.key_algorithm.as_ref().and_then(|word| word.parse().ok());
    let by_key = match filters.key_types.as_deref() {
        Some(types) => algorithm.is_some_and(|algorithm| types.contains(&algorithm)),
        None => matches!(algorithm, Some(KeyAlgorithm::Rsa1024 | KeyAlgorithm::Rsa2048)),
    };
    let by_usage = filters.key_usage.iter().flatten().all(|wanted| {
        let wanted = wanted.to_string();
        wanted == "ANY" || details.key_usages.contains(&wanted)
    });
    let by_extended = filters.extended_key_usage.iter().flatten().all(|wanted| {
        let wanted = wanted.to_string();
        wanted == "ANY"
            || details
                .extended_key_usages
                .iter()
                .any(|(name, _)| *name == wanted)
    });
    let exportable = filters.export_option == Some(CertificateExport::Enabled);
    by_key && by_usage && by_extended && !exportable && filters.managed_by.is_none()
}

/// Where a certificate stands in the list: when it was made, in microseconds, and its ARN.
fn position(row: &CertificateRow) -> (i64, String) {
    (row.created_at.timestamp_micros(), row.arn.clone())
}

fn opened(token: &str) -> Option<(i64, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (created_at, arn) = text.split_once(' ')?;
    Some((created_at.parse().ok()?, arn.to_owned()))
}

fn invalid_token() -> Error {
    Error::new(ErrorCode::InvalidArgsException, "The NextToken is not valid.")
}
