//! Ranges of addresses taken together: whether a list of them is everybody, however it is cut up.
//!
//! Half of a family counts as all of it: nobody has so many addresses, and whoever writes the world in halves or
//! quarters does not want it to be read as the world. Of IPv6 only what is given out to hosts (2000::/3) counts.

use core::net::IpAddr;

/// Returns the families, each as its whole range, of which some ranges together are everybody. What is no range is
/// passed over.
pub(super) fn everybody(ranges: &[&str]) -> Vec<&'static str> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for range in ranges {
        match interval(range) {
            Some((true, first, last)) => v4.push((first, last)),
            Some((false, first, last)) => v6.push((first.max(GIVEN_OUT.0), last.min(GIVEN_OUT.1))),
            None => {}
        }
    }
    let mut families = Vec::new();
    if count(v4) >= 1 << 31 {
        families.push("0.0.0.0/0");
    }
    if count(v6) >= 1 << 124 {
        families.push("::/0");
    }
    families
}

/// The addresses of IPv6 that are given out, from the first to the last.
const GIVEN_OUT: (u128, u128) = (0x2000 << 112, (0x4000 << 112) - 1);

/// Returns whether a range is one of IPv4, with its first and its last address.
fn interval(range: &str) -> Option<(bool, u128, u128)> {
    let (address, length) = range.split_once('/')?;
    let length: u32 = length.trim().parse().ok()?;
    let (is_v4, address, bits) = match address.trim().parse().ok()? {
        IpAddr::V4(address) => (true, u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (false, u128::from(address), 128),
    };
    let rest = u32::checked_sub(bits, length)?;
    let size = 1u128.checked_shl(rest).map_or(u128::MAX, |size| size - 1);
    let first = address & !size;
    Some((is_v4, first, first | size))
}

/// Counts the addresses of some intervals, each once.
fn count(mut intervals: Vec<(u128, u128)>) -> u128 {
    intervals.retain(|(first, last)| first <= last);
    intervals.sort_unstable();
    let (mut count, mut next) = (0u128, 0u128);
    for (first, last) in intervals {
        let first = first.max(next);
        if first <= last {
            count = count.saturating_add((last - first).saturating_add(1));
            next = last.saturating_add(1);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::everybody;

    #[test]
    fn parts_that_are_the_world_together_are_the_world() {
        for (ranges, families) in [
            (&["0.0.0.0/0"][..], &["0.0.0.0/0"][..]),
            (&["0.0.0.0/1", "128.0.0.0/1"], &["0.0.0.0/0"]),
            (&["0.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8"], &["0.0.0.0/0"]),
            (&["0.0.0.0/2", "0.0.0.0/2", "10.0.0.0/8"], &[]),
            (&["10.0.0.0/8", "172.16.0.0/12", "203.0.113.0/24"], &[]),
            (&["::/0", "0.0.0.0/0"], &["0.0.0.0/0", "::/0"]),
            (&["2000::/3"], &["::/0"]),
            (&["2000::/5", "2800::/5", "3000::/6"], &["::/0"]),
            (&["fc00::/7", "fe80::/10", "2001:db8::/32", "8000::/1"], &[]),
            (&["0.0.0.0/33", "x/1", "::/129", "0.0.0.0"], &[]),
        ] {
            assert_eq!(everybody(ranges), families, "{ranges:?}");
        }
    }
}
