//! What was computed last, kept by what it was computed from: the answer is the same, only sooner.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// The most answers that are kept.
const MAX_KEPT: usize = 8;

/// The last few answers of one pure computation.
#[derive(Debug)]
pub struct Kept<K, V>(Mutex<VecDeque<(K, Arc<V>)>>);

impl<K, V> Kept<K, V> {
    /// Nothing is kept yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// The answer for what `is` recognises, or else what `compute` gives, which is kept under `key`. Everything that
    /// the answer depends on has to be in the key.
    ///
    /// # Errors
    /// Those of `compute`; they are not kept.
    pub fn or_compute<E>(
        &self,
        is: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        let found = |kept: &VecDeque<(K, Arc<V>)>| {
            let mut all = kept.iter();
            all.find(|(key, _)| is(key)).map(|(_, value)| Arc::clone(value))
        };
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = found(&lock()) {
            return Ok(value);
        }
        // Not under the lock: others need not wait for it, and computing it twice does no harm.
        let value = Arc::new(compute()?);
        let mut kept = lock();
        kept.truncate(MAX_KEPT - 1);
        kept.push_front((key(), Arc::clone(&value)));
        drop(kept);
        Ok(value)
    }

    /// The same for what cannot fail.
    pub fn or_read(
        &self,
        is: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        read: impl FnOnce() -> V,
    ) -> Arc<V> {
        let Ok(value) = self.or_compute(is, key, || Ok::<V, Infallible>(read()));
        value
    }
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_not_computed_again_and_old_ones_go() {
        let kept = Kept::<usize, usize>::new();
        let ask = |of: usize, may: bool| {
            kept.or_compute(
                |key| *key == of,
                || of,
                || if may { Ok(of * 10) } else { Err(()) },
            )
        };
        assert_eq!(ask(1, true).as_deref(), Ok(&10));
        assert_eq!(ask(1, false).as_deref(), Ok(&10));
        for other in 2..2 + MAX_KEPT {
            assert_eq!(ask(other, true).as_deref(), Ok(&(other * 10)));
        }
        assert_eq!(ask(1, false), Err(()));
    }
}
