//! Profile pictures, judged by their bytes: neither the file's name nor its header is believed.
//!
//! A JPEG is a row of segments, each with its length, up to the scan; then come compressed data,
//! in which `FF` is escaped, up to the end marker. Walking that row finds the size in pixels and
//! notices a file that was cut off, without decompressing anything: five megabytes can hold a
//! picture of four thousand million pixels.

use domain::limits::{PICTURE_BYTES_MAX, PICTURE_SIDE_MIN};
use domain::values::{Picture, PictureProblem};
use sha2::{Digest as _, Sha256};

/// How every JPEG begins.
const JPEG: [u8; 3] = [0xFF, 0xD8, 0xFF];
/// How every PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Judges the bytes.
pub fn inspect(bytes: &[u8]) -> Result<Picture, PictureProblem> {
    if bytes.is_empty() {
        return Err(PictureProblem::Empty);
    }
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(PictureProblem::TooLarge { found: bytes.len() });
    }
    if !bytes.starts_with(&JPEG) {
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

/// Judges the bytes of an icon, of which nothing is asked but that it is a picture.
pub fn inspect_icon(bytes: &[u8]) -> Result<Picture, PictureProblem> {
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(PictureProblem::TooLarge { found: bytes.len() });
    }
    let mime_type = if let Some(chunks) = bytes.strip_prefix(PNG) {
        is_whole_png(chunks).then_some("image/png").ok_or(PictureProblem::DamagedPng)?
    } else if bytes.starts_with(&JPEG) {
        size(&bytes[2..]).map(|_| "image/jpeg").ok_or(PictureProblem::Damaged)?
    } else {
        return Err(PictureProblem::NotImage);
    };
    Ok(Picture { sha256: Sha256::digest(bytes).into(), mime_type: mime_type.to_owned() })
}

/// Walks a PNG's chunks, each with its length, up to the last; the first has the size in pixels.
fn is_whole_png(mut chunks: &[u8]) -> bool {
    let (mut sized, mut has_data) = (false, false);
    while let Some((length, rest)) = chunks.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        // Behind the data stand four bytes that sum them up.
        let Some((kind, rest)) = rest.split_first_chunk::<4>() else { return false };
        let Some(data) = rest.get(..length) else { return false };
        let Some(next) = rest.get(length..).and_then(|rest| rest.get(4..)) else { return false };
        match kind {
            b"IHDR" if length == 13 => sized = data[..4] != [0; 4] && data[4..8] != [0; 4],
            b"IDAT" => has_data = true,
            b"IEND" => return sized && has_data,
            _ if !sized => return false,
            _ => {}
        }
        chunks = next;
    }
    false
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
    use proptest::prelude::*;

    use super::*;

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

    /// A PNG of this size as far as its structure goes.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = PNG.to_vec();
        let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
        head.extend([8, 2, 0, 0, 0]);
        for (kind, data) in [(b"IHDR", &head[..]), (b"IDAT", &[1, 2, 3]), (b"IEND", &[])] {
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(kind);
            bytes.extend(data);
            bytes.extend([0; 4]);
        }
        bytes
    }

    #[test]
    fn an_icon_is_any_whole_picture() {
        for (bytes, kind) in
            [(png(1, 2), "image/png"), (jpeg(1, 2), "image/jpeg"), (jpeg(500, 20), "image/jpeg")]
        {
            assert_eq!(inspect_icon(&bytes).unwrap().mime_type, kind);
        }
        assert_eq!(inspect_icon(b"<html>"), Err(PictureProblem::NotImage));
        assert_eq!(inspect_icon(b""), Err(PictureProblem::NotImage));
        assert_eq!(inspect_icon(&png(0, 2)), Err(PictureProblem::DamagedPng));
        let whole = png(3, 3);
        for length in PNG.len()..whole.len() {
            let cut = inspect_icon(&whole[..length]);
            assert_eq!(cut, Err(PictureProblem::DamagedPng), "{length}");
        }
        let large = vec![0xFF; PICTURE_BYTES_MAX + 1];
        assert!(matches!(inspect_icon(&large), Err(PictureProblem::TooLarge { .. })));
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
            let _ = inspect_icon(&bytes);
            let _ = inspect_icon(&[PNG, &bytes].concat());
        }
    }
}
