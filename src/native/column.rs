//! Values of one type for many calls, as they go to a worker and come back.

use super::Type;

/// The values of all rows, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Integers.
    Ints(Vec<i64>),
    /// Numbers.
    Floats(Vec<f64>),
    /// Bytes of texts, or 0 and 1.
    Bytes(Vec<u8>),
}

/// A value for each of many calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What each value is.
    pub kind: Type,
    /// The values.
    pub data: Data,
    /// Of lists and texts: where in the data each ends.
    pub ends: Vec<u64>,
}

impl Column {
    /// A column without rows.
    pub fn new(kind: Type) -> Self {
        let data = match kind {
            Type::Int | Type::Ints => Data::Ints(Vec::new()),
            Type::Float | Type::Floats => Data::Floats(Vec::new()),
            Type::Bool | Type::Text => Data::Bytes(Vec::new()),
        };
        Self { kind, data, ends: Vec::new() }
    }

    /// Number of items in the data.
    fn items(&self) -> usize {
        match &self.data {
            Data::Ints(values) => values.len(),
            Data::Floats(values) => values.len(),
            Data::Bytes(values) => values.len(),
        }
    }

    /// Makes room for so many rows, of which the one that is there is a specimen.
    pub fn expect(&mut self, rows: usize) {
        let items = self.items() * rows;
        match &mut self.data {
            Data::Ints(values) => values.reserve(items),
            Data::Floats(values) => values.reserve(items),
            Data::Bytes(values) => values.reserve(items),
        }
        if self.kind.is_list() {
            self.ends.reserve(rows);
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        if self.kind.is_list() { self.ends.len() } else { self.items() }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the list or text whose items were added last.
    pub fn end(&mut self) {
        self.ends.push(self.items() as u64);
    }

    /// The same value, its only one, in `rows` rows.
    #[must_use]
    pub fn repeated(&self, rows: usize) -> Self {
        let data = match &self.data {
            Data::Ints(values) => Data::Ints(values.repeat(rows)),
            Data::Floats(values) => Data::Floats(values.repeat(rows)),
            Data::Bytes(values) => Data::Bytes(values.repeat(rows)),
        };
        let length = self.items() as u64;
        let ends = if self.kind.is_list() { (1..=rows as u64).map(|row| row * length).collect() } else { Vec::new() };
        Self { kind: self.kind, data, ends }
    }

    /// Where the items of a row begin and end in the data.
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        if !self.kind.is_list() {
            return row..row + 1;
        }
        let from = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        from as usize..self.ends[row] as usize
    }

    /// How many bytes it takes in a frame.
    pub(super) fn bytes(&self) -> usize {
        let size = if matches!(self.data, Data::Bytes(_)) { 1 } else { 8 };
        self.ends.len() * 8 + (self.items() * size).next_multiple_of(8)
    }

    /// Appends it to a frame: the ends of its rows, if it has such, then its data, each filled up to a multiple of 8 bytes.
    /// Numbers are as this machine keeps them.
    pub fn write(&self, frame: &mut Vec<u8>) {
        frame.extend_from_slice(bytemuck::cast_slice(&self.ends));
        match &self.data {
            Data::Ints(values) => frame.extend_from_slice(bytemuck::cast_slice(values)),
            Data::Floats(values) => frame.extend_from_slice(bytemuck::cast_slice(values)),
            Data::Bytes(bytes) => frame.extend_from_slice(bytes),
        }
        frame.resize(frame.len().next_multiple_of(8), 0);
    }

    /// Reads a column of `rows` rows from a frame that begins with it; `None` if the frame is too short or no such column.
    pub fn read(kind: Type, rows: usize, frame: &[u8]) -> Option<Self> {
        let mut column = Self::new(kind);
        let mut rest = frame;
        let mut items = rows;
        if kind.is_list() {
            let (ends, after) = rest.split_at_checked(rows.checked_mul(8)?)?;
            column.ends = bytemuck::pod_collect_to_vec(ends);
            items = usize::try_from(column.ends.last().copied().unwrap_or(0)).ok()?;
            if !column.ends.is_sorted() {
                return None;
            }
            rest = after;
        }
        let size = if matches!(column.data, Data::Bytes(_)) { 1 } else { 8 };
        let bytes = rest.get(..items.checked_mul(size)?)?;
        column.data = match column.data {
            Data::Ints(_) => Data::Ints(bytemuck::pod_collect_to_vec(bytes)),
            Data::Floats(_) => Data::Floats(bytemuck::pod_collect_to_vec(bytes)),
            Data::Bytes(_) => Data::Bytes(bytes.to_vec()),
        };
        Some(column)
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Data, Type};

    #[test]
    fn a_column_comes_back_as_it_went() {
        let lists = Column { kind: Type::Floats, data: Data::Floats(vec![1.5, -2.0, f64::INFINITY]), ends: vec![2, 2, 3] };
        let texts = Column { kind: Type::Text, data: Data::Bytes("grün".into()), ends: vec![0, 5] };
        for column in [lists, texts, Column { kind: Type::Bool, data: Data::Bytes(vec![1, 0, 1]), ends: vec![] }] {
            let mut frame = Vec::new();
            column.write(&mut frame);
            assert_eq!(frame.len() % 8, 0);
            assert_eq!(Column::read(column.kind, column.len(), &frame), Some(column.clone()));
            assert_eq!(Column::read(column.kind, column.len() + 9, &frame), None);
        }
    }
}
