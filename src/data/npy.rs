//! Arrays as NumPy writes them (`.npy`), and their like: a shape and values, in C order.

/// Values as a file may hold them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// Bytes.
    U8(Vec<u8>),
    /// Real numbers.
    F32(Vec<f32>),
    /// Other integers.
    Int(Vec<i64>),
}

/// An array: its values row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    /// Its size in each direction.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Values,
}

impl Values {
    /// The values of `kind` (`u1`, `i8`, `f4`, ...: what it is, and its bytes) in `bytes`, lowest byte first.
    pub(super) fn read(kind: &str, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            "u1" => Self::U8(bytes.to_vec()),
            "f4" => Self::F32(each(bytes, f32::from_le_bytes)),
            "f8" => Self::F32(each(bytes, |value| f64::from_le_bytes(value) as f32)),
            "i1" => Self::Int(each(bytes, |value| i8::from_le_bytes(value).into())),
            "i2" => Self::Int(each(bytes, |value| i16::from_le_bytes(value).into())),
            "u2" => Self::Int(each(bytes, |value| u16::from_le_bytes(value).into())),
            "i4" => Self::Int(each(bytes, |value| i32::from_le_bytes(value).into())),
            "u4" => Self::Int(each(bytes, |value| u32::from_le_bytes(value).into())),
            "i8" => Self::Int(each(bytes, i64::from_le_bytes)),
            "u8" => Self::Int(each(bytes, |value| i64::try_from(u64::from_le_bytes(value)).unwrap_or(i64::MAX))),
            _ => return None,
        })
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::Int(values) => values.len(),
        }
    }
}

fn each<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| value(*chunk)).collect()
}

impl Array {
    /// Values of `kind` (see [`Values::read`]) in this shape; the error says what does not fit.
    pub(super) fn new(shape: Vec<usize>, kind: &str, bytes: &[u8]) -> Result<Self, String> {
        let values = Values::read(kind, bytes).ok_or_else(|| format!("it holds values of the kind `{kind}`"))?;
        match shape.iter().try_fold(1_usize, |all, &size| all.checked_mul(size)) {
            Some(count) if count == values.len() => Ok(Self { shape, values }),
            _ => Err(format!("it is cut off: {} values for the shape {shape:?}", values.len())),
        }
    }

    /// The array in the bytes of a `.npy` file; the error says what is wrong with them.
    pub(super) fn npy(bytes: &[u8]) -> Result<Self, String> {
        let no_header = || "it has no header of NumPy".to_owned();
        let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(no_header)?;
        let (length, start) = match rest {
            [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 4),
            [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 6),
            _ => return Err(no_header()),
        };
        let header = rest.get(start..start + length).ok_or_else(no_header)?;
        let header = std::str::from_utf8(header).map_err(|_| no_header())?;
        let kind = field(header, "descr").and_then(|text| text.trim().strip_prefix('\'')?.split('\'').next());
        let shape = field(header, "shape").and_then(|text| text.trim().strip_prefix('(')?.split(')').next());
        let (kind, shape) = (kind.ok_or_else(no_header)?, shape.ok_or_else(no_header)?);
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.parse().map_err(|_| no_header())).collect::<Result<Vec<usize>, _>>()?;
        if field(header, "fortran_order").is_some_and(|text| text.trim().starts_with("True")) {
            return Err("its values stand column by column (Fortran order)".into());
        }
        let kind = kind.strip_prefix(['<', '|', '=']).ok_or_else(|| format!("it holds values of the kind `{kind}`"))?;
        Self::new(shape, kind, &rest[start + length..])
    }
}

/// What follows `'name':` in a header.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{name}'"))?;
    rest.trim_start().strip_prefix(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, bytes: &[u8]) -> Vec<u8> {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(bytes);
        file
    }

    #[test]
    fn arrays_of_every_kind_are_read_as_numpy_writes_them() {
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }     \n";
        let bytes: Vec<u8> = [7_i64, -1].iter().flat_map(|value| value.to_le_bytes()).collect();
        let read = Array::npy(&npy(header, &bytes)).unwrap();
        assert_eq!(read, Array { shape: vec![2], values: Values::Int(vec![7, -1]) });
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n";
        let read = Array::npy(&npy(header, &[1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(read, Array { shape: vec![2, 3], values: Values::U8(vec![1, 2, 3, 4, 5, 6]) });
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n";
        assert_eq!(Array::npy(&npy(header, &0.5_f64.to_le_bytes())).unwrap().values, Values::F32(vec![0.5]));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (header, bytes, said) in [
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", vec![0; 4], "column by column"),
            ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", vec![0; 4], "kind `>f4`"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", vec![0; 8], "kind `c8`"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", vec![0; 8], "cut off: 2 values"),
            ("{'shape': (3,), }", vec![0; 8], "no header"),
        ] {
            let fault = Array::npy(&npy(header, &bytes)).unwrap_err();
            assert!(fault.contains(said), "{header}: {fault}");
        }
        assert!(Array::npy(b"PK").unwrap_err().contains("no header"));
        assert!(Array::npy(b"\x93NUMPY\x01\x00\xff\xff{").unwrap_err().contains("no header"));
    }
}
