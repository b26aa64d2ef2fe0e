//! Profile pictures, judged by their bytes: neither the file's name nor its header is believed.
//!
//! A JPEG is a row of segments, each with its length, up to the scan; then come compressed data,
//! in which `FF` is escaped, up to the end marker. Walking that row finds the size in pixels and
//! notices a file that was cut off, without decompressing anything: five megabytes can hold a
//! picture of four thousand million pixels.

use domain::limits::{PICTURE_BYTES_MAX, PICTURE_SIDE_MIN};
use domain::values::Picture;
use sha2::{Digest as _, Sha256};

/// Why bytes are not a profile picture. Reads on after the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureProblem {
    /// Nothing was sent.
    #[error("must not be empty")]
    Empty,
    /// Longer than 5 MB.
    #[error("must not be larger than 5 MB ({max} bytes; it has {found})", max = PICTURE_BYTES_MAX)]
    TooLarge {
        /// Bytes sent.
        found: usize,
    },
    /// Something else, whatever its name says.
    #[error("must be a JPEG image (image/jpeg)")]
    NotJpeg,
    /// A JPEG whose end is missing or whose structure is broken.
    #[error("must be a complete JPEG image; this one is cut off or damaged")]
    Damaged,
    /// Width and height differ.
    #[error("must be square; this one is {width} x {height} pixels")]
    NotSquare {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// Shorter than 192 pixels.
    #[error("must be at least 192 x 192 pixels; this one is {side} x {side}")]
    TooSmall {
        /// Pixels.
        side: u16,
    },
}

/// Judges the bytes.
pub fn inspect(bytes: &[u8]) -> Result<Picture, PictureProblem> {
    if bytes.is_empty() {
        return Err(PictureProblem::Empty);
    }
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(PictureProblem::TooLarge { found: bytes.len() });
    }
    if !bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Err(PictureProblem::NotJpeg);
    }
    let (width, height) = size(&bytes[2..]).ok_or(PictureProblem::Damaged)?;
    if width != height {
        return Err(PictureProblem::NotSquare { width, height });
    }
    if width < PICTURE_SIDE_MIN {
        return Err(PictureProblem::TooSmall { side: width });
    }
    Ok(Picture { sha256: Sha256::digest(bytes).into(), mime_type: "image/jpeg".to_owned() })
}

/// Walks the segments up to the end marker; gives width and height if all of it is there.
fn size(mut rest: &[u8]) -> Option<(u16, u16)> {
    let mut size = None;
    let mut scans = 0;
    loop {
        let marker;
        (marker, rest) = next_marker(rest)?;
        match marker {
            // The end: complete if there was something to see.
            0xD9 => return size.filter(|(width, height)| scans > 0 && *width > 0 && *height > 0),
            // Restart markers and the like stand alone.
            0x01 | 0xD0..=0xD7 => continue,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let segment = rest.get(2..length)?;
        rest = rest.get(length..)?;
        match marker {
            // A frame's head, of whatever coding: precision, height, width.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let &[_, h1, h2, w1, w2, ..] = segment else { return None };
                size = Some((u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2])));
            }
            // A scan: compressed data follow, up to the next marker that is not part of them.
            0xDA => {
                scans += 1;
                rest = behind_scan(rest)?;
            }
            _ => {}
        }
    }
}

/// The next marker and what is behind it. Any number of `FF` may stand before one.
fn next_marker(rest: &[u8]) -> Option<(u8, &[u8])> {
    let rest = rest.strip_prefix(&[0xFF])?;
    let padding = rest.iter().position(|byte| *byte != 0xFF)?;
    Some((rest[padding], &rest[padding + 1..]))
}

/// What is behind a scan's data, beginning with the marker that ends them.
fn behind_scan(data: &[u8]) -> Option<&[u8]> {
    let inside = |next: u8| next == 0 || (0xD0..=0xD7).contains(&next) || next == 0xFF;
    let end = data.windows(2).position(|pair| pair[0] == 0xFF && !inside(pair[1]))?;
    Some(&data[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A JPEG of this size as far as its structure goes.
    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2];
        bytes.extend([0xFF, 0xC0, 0, 11, 8]);
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([1, 1, 0x11, 0]);
        bytes.extend([0xFF, 0xDA, 0, 3, 1]);
        bytes.extend([1, 2, 0xFF, 0x00, 3, 0xFF, 0xD0, 4]);
        bytes.extend([0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn the_rules() {
        assert!(inspect(&jpeg(192, 192)).is_ok());
        assert_eq!(inspect(&jpeg(191, 191)), Err(PictureProblem::TooSmall { side: 191 }));
        let oblong = PictureProblem::NotSquare { width: 192, height: 193 };
        assert_eq!(inspect(&jpeg(192, 193)), Err(oblong));
        assert_eq!(inspect(b""), Err(PictureProblem::Empty));
        assert_eq!(inspect(b"\x89PNG\r\n\x1a\n"), Err(PictureProblem::NotJpeg));
        let mut large = jpeg(192, 192);
        large.resize(PICTURE_BYTES_MAX, 0);
        assert!(inspect(&large).is_ok(), "what follows the end marker is nobody's business");
        large.push(0);
        assert_eq!(inspect(&large), Err(PictureProblem::TooLarge { found: PICTURE_BYTES_MAX + 1 }));
    }

    #[test]
    fn cut_anywhere_it_is_damaged() {
        let whole = jpeg(640, 640);
        for length in 3..whole.len() {
            assert_eq!(inspect(&whole[..length]), Err(PictureProblem::Damaged), "{length}");
        }
    }

    #[test]
    fn a_thumbnail_inside_does_not_count() {
        let mut bytes = vec![0xFF, 0xD8];
        let thumbnail = jpeg(500, 500);
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(u16::try_from(thumbnail.len() + 2).unwrap().to_be_bytes());
        bytes.extend(&thumbnail);
        bytes.extend(&jpeg(100, 100)[2..]);
        assert_eq!(inspect(&bytes), Err(PictureProblem::TooSmall { side: 100 }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail: Vec<u8>) {
            let mut bytes = vec![0xFF, 0xD8, 0xFF];
            bytes.extend(tail);
            let _ = inspect(&bytes);
        }
    }
}
