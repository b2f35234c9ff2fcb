//! Work that is done side by side on large documents: what comes out is the same, and in the same order.

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

/// From so many bytes on, work side by side saves more time than it costs.
const LARGE: usize = 256 << 10;

/// Does two pieces of work; side by side where documents of so many bytes are worked on.
pub fn both<A: Send, B: Send>(
    bytes: usize,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if bytes < LARGE {
        (one(), other())
    } else {
        rayon::join(one, other)
    }
}

/// Does the same work on each item; side by side where documents of so many bytes are worked on.
pub fn map<T: Send, R: Send>(bytes: usize, items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if bytes < LARGE {
        items.into_iter().map(work).collect()
    } else {
        // Some items take much longer than others: each is taken by who has nothing to do.
        items.into_par_iter().with_max_len(1).map(work).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_stands_in_the_order_of_what_went_in() {
        let doubled: Vec<u32> = (0..1000).map(|number| number * 2).collect();
        for bytes in [0, LARGE] {
            assert_eq!(map(bytes, (0..1000).collect(), |number: u32| number * 2), doubled);
            assert_eq!(both(bytes, || 1, || "two"), (1, "two"));
        }
    }
}
