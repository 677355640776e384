//! One property of all hosts whose values are texts: an attribute, the agent's version, the EC2 instance id.

use std::collections::HashMap;
use std::sync::Arc;

use super::bits::Bits;

/// Number of a value in its column.
pub(super) type ValueId = u32;

/// The host lacks the property.
const ABSENT: ValueId = 0;
/// The host has the property, without a value.
const NO_VALUE: ValueId = 1;

/// The values by slot, each distinct text stored once. Numbers of texts that no host has any more are used again.
#[derive(Debug, Clone)]
pub(super) struct Column {
    ids: Vec<ValueId>,
    present: Bits,
    by_text: HashMap<Arc<str>, ValueId>,
    /// By id; `None` for the two special ones and for those that are free.
    texts: Vec<Option<Arc<str>>>,
    /// By id: how many hosts have it.
    uses: Vec<u32>,
    free: Vec<ValueId>,
}

impl Default for Column {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            present: Bits::default(),
            by_text: HashMap::new(),
            texts: vec![None; 2],
            uses: vec![0; 2],
            free: Vec::new(),
        }
    }
}

impl Column {
    /// Sets a host's value; `None` takes the property from it, `Some(None)` leaves it without value.
    pub(super) fn set(&mut self, slot: u32, value: Option<Option<&str>>) {
        let at = slot as usize;
        if self.ids.len() <= at {
            if value.is_none() {
                return;
            }
            self.ids.resize(at + 1, ABSENT);
        }
        let id = match value {
            None => ABSENT,
            Some(None) => NO_VALUE,
            Some(Some(text)) => self.intern(text),
        };
        let old = std::mem::replace(&mut self.ids[at], id);
        self.present.set(slot, id != ABSENT);
        if id > NO_VALUE {
            self.uses[id as usize] += 1;
        }
        if old > NO_VALUE {
            self.forget(old);
        }
    }

    fn intern(&mut self, text: &str) -> ValueId {
        if let Some(id) = self.by_text.get(text) {
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.texts.push(None);
            self.uses.push(0);
            (self.texts.len() - 1) as ValueId
        });
        let text: Arc<str> = text.into();
        self.texts[id as usize] = Some(Arc::clone(&text));
        self.by_text.insert(text, id);
        id
    }

    fn forget(&mut self, id: ValueId) {
        let uses = &mut self.uses[id as usize];
        *uses -= 1;
        if *uses == 0
            && let Some(text) = self.texts[id as usize].take()
        {
            self.by_text.remove(&text);
            self.free.push(id);
        }
    }

    /// True when no host has the property.
    pub(super) fn is_unused(&self) -> bool {
        self.present.is_empty()
    }

    /// The hosts that have the property.
    pub(super) fn present(&self) -> &Bits {
        &self.present
    }

    /// The value of a host, as a number below [`Column::width`].
    pub(super) fn id(&self, slot: u32) -> ValueId {
        self.ids.get(slot as usize).copied().unwrap_or(ABSENT)
    }

    /// One more than the greatest value number.
    pub(super) fn width(&self) -> usize {
        self.texts.len()
    }

    /// Keeps the hosts that have exactly this value.
    pub(super) fn retain_equal(&self, text: &str, hosts: &mut Bits) {
        match self.by_text.get(text) {
            Some(id) => hosts.retain(&self.ids, |own| own == id),
            None => hosts.clear(),
        }
    }

    /// Keeps the hosts that have the property with a value that passes; each distinct value is asked once.
    pub(super) fn retain(&self, hosts: &mut Bits, passes: impl Fn(Option<&str>) -> bool) {
        let mut verdicts = vec![false; self.width()];
        verdicts[NO_VALUE as usize] = passes(None);
        for (verdict, text) in verdicts.iter_mut().zip(&self.texts) {
            if let Some(text) = text {
                *verdict = passes(Some(text));
            }
        }
        hosts.retain(&self.ids, |id| verdicts[*id as usize]);
    }

    /// Keeps the hosts whose value is least, as rated; lacking the property is a value of its own.
    pub(super) fn retain_least(&self, hosts: &mut Bits, rating: impl Fn(ValueId) -> i64) {
        if hosts.last().is_none_or(|last| (last as usize) < self.ids.len()) {
            return hosts.retain_least(&self.ids, |id| rating(*id));
        }
        let mut ids = self.ids.clone();
        ids.resize(hosts.last().map_or(0, |last| last as usize + 1), ABSENT);
        hosts.retain_least(&ids, |id| rating(*id));
    }
}
