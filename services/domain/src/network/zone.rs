//! Availability zones: every region has three.

use crate::Region;

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Such as `us-east-1a`.
    pub name: String,
    /// Such as `use1-az1`.
    pub id: String,
}

/// The zones of a region, in order.
pub fn zones(region: &Region) -> [Zone; 3] {
    let short = short_name(region.as_str()).unwrap_or_else(|| format!("{region}-"));
    let dash = if short.ends_with('-') { "" } else { "-" };
    [('a', 1), ('b', 2), ('c', 3)].map(|(letter, number)| Zone {
        name: format!("{region}{letter}"),
        id: format!("{short}{dash}az{number}"),
    })
}

/// The zone of this name.
pub fn zone(region: &Region, name: &str) -> Option<Zone> {
    zones(region).into_iter().find(|zone| zone.name == name)
}

/// `use1` for `us-east-1`: the area's two letters, the direction's initials, the number. `None` for regions that are not named so.
fn short_name(region: &str) -> Option<String> {
    let words: Vec<&str> = region.split('-').collect();
    let (area, direction, number) = match words.as_slice() {
        ["us", "gov", direction, number] => ("usg", direction, number),
        [area, direction, number] if area.len() == 2 => (*area, direction, number),
        _ => return None,
    };
    let initials = match *direction {
        "north" => "n",
        "south" => "s",
        "east" => "e",
        "west" => "w",
        "central" => "c",
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        _ => return None,
    };
    Some(format!("{area}{initials}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_and_ids_as_on_aws() {
        for (region, name, id) in [
            ("us-east-1", "us-east-1a", "use1-az1"),
            ("eu-central-1", "eu-central-1a", "euc1-az1"),
            ("ap-southeast-2", "ap-southeast-2a", "apse2-az1"),
            ("ca-west-1", "ca-west-1a", "caw1-az1"),
            ("us-gov-west-1", "us-gov-west-1a", "usgw1-az1"),
            ("cn-northwest-1", "cn-northwest-1a", "cnnw1-az1"),
            ("my-dc-3", "my-dc-3a", "my-dc-3-az1"),
        ] {
            let zones = zones(&region.parse().unwrap());
            assert_eq!((zones[0].name.as_str(), zones[0].id.as_str()), (name, id));
        }
    }

    #[test]
    fn a_zone_is_found_by_its_name_in_its_region_only() {
        let region = "us-east-1".parse().unwrap();
        assert_eq!(zone(&region, "us-east-1c").unwrap().id, "use1-az3");
        assert_eq!(zone(&region, "us-east-1d"), None);
        assert_eq!(zone(&region, "eu-west-1a"), None);
    }
}
